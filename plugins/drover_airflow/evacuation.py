"""The form of `evacuate_host`: what it asks, and how the answers and both ends become a wave."""

from typing import Any

from airflow.sdk import Param

from drover.model import Strategy
from drover.proposals.evacuation import REASONS, Asked
from drover_airflow.form import common_keys
from drover_airflow.form import form as form_of_one

# What is asked in the same words as for one machine.
_ALIKE = ("networks", "storage", "test_network", "backup_folder", "bandwidth")
_ALIKE_LATER = ("at_once_storage", "at_once_link", "approval", "approvers", "approval_deadline", "approval_default")


def form() -> dict[str, Param]:
    """What the trigger form shows, in this order."""
    alike = form_of_one()
    return {
        "source": Param(type="string", minLength=1, title="From", description="Connection id that the host is behind."),
        "host": Param(
            None,
            type=["null", "string"],
            title="Host",
            description="As its hypervisor calls it. Empty: everything behind the connection, a whole site.",
        ),
        "reason": Param(REASONS[0], enum=list(REASONS), type="string", title="Reason"),
        "targets": Param(
            type="array",
            items={"type": "string"},
            minItems=1,
            title="To",
            description="Connection ids; each machine goes to the host behind them that has the most room left.",
        ),
        "prefer": Param(
            Strategy.LIVE.value,
            enum=[Strategy.LIVE.value, Strategy.COLD.value],
            type="string",
            title="Strategy",
            description_md="`live`: what runs moves while it runs, where both platforms can; all else is shut down "
            "first. `cold`: everything is.",
        ),
        **{name: alike[name] for name in _ALIKE},
        "checks": Param(
            {},
            type="object",
            additionalProperties={"type": "array"},
            title="Checks",
            section="Safety",
            description_md='By machine, as in a wave file: `{"web": [{"tcp": {"address": "10.0.0.5", "port": 80}}]}`.',
        ),
        "changing": alike["changing"],
        "at_once": Param(
            2,
            type="integer",
            minimum=1,
            maximum=100,
            title="On each host",
            section="At once",
            description="How many machines may be backed up or moved at the same time on each host.",
        ),
        **{name: alike[name] for name in _ALIKE_LATER},
    }


def asked_of(answers: dict[str, Any]) -> Asked:
    """What the form says, in the domain's words; whether it makes a wave is found with the wave.

    :raises BadInputError: as `common_keys`.
    """
    return Asked(
        source=answers["source"],
        host=answers["host"] or "",
        targets=tuple(dict.fromkeys(answers["targets"])),
        reason=answers["reason"],
        prefer=Strategy(answers["prefer"]),
        keys=common_keys(answers),
        checks=answers["checks"],
        changing=tuple(answers["changing"]),
    )
