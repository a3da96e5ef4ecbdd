"""The form of `migrate_vm`: what it asks, and how the answers become a wave of one machine."""

import json
from typing import Any

from airflow.sdk import Param

from drover.errors import BadInputError
from drover.model import Strategy
from drover.waves.loader import parse

WAVE = "migrate_vm"
_NAMES: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}


def form() -> dict[str, Param]:
    """What the trigger form shows, in this order."""
    return {
        "machine": Param(type="string", minLength=1, title="Machine", description="Its name at the source."),
        "source": Param(type="string", minLength=1, title="From", description="Connection id of the source host."),
        "target": Param(type="string", minLength=1, title="To", description="Connection id of the target host."),
        "strategy": Param(
            Strategy.COLD.value,
            enum=[Strategy.COLD.value, Strategy.LIVE.value],
            type="string",
            title="Strategy",
            description_md="`cold`: shut down, move, compare every block, start. `live`: moves while it runs.",
        ),
        "compare_at_switchover": Param(
            False,
            type="boolean",
            title="Compare at the switch-over",
            description="Live only: pause the machine at the switch-over and compare both disks.",
        ),
        "networks": Param({}, **_NAMES, title="Networks", section="Mappings", description="Source name: target name."),
        "storage": Param(
            {"default": "default"},
            **_NAMES,
            title="Storage pools",
            section="Mappings",
            description="Source name: target name.",
        ),
        "test_network": Param(
            None,
            type=["null", "string"],
            title="Test network",
            section="Mappings",
            description="An isolated network at the target, where the trial boot happens. Empty: no trial boot.",
        ),
        "backup_folder": Param(
            "/var/lib/drover/backups",
            type="string",
            title="Backup folder",
            section="Safety",
            description="On the worker.",
        ),
        "checks": Param(
            [],
            type="array",
            items={"type": "object"},
            title="Checks",
            section="Safety",
            description_md='As in a wave file, e.g. `[{"http": {"url": "http://10.0.0.5/health", "status": 200}}]`.',
        ),
        "changing": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Files that may change",
            section="Safety",
            description_md="Live only: what the machine writes while it moves, e.g. `/var/log/**`. "
            "All other files must arrive as they were.",
        ),
        "bandwidth": Param(
            None,
            type=["null", "string"],
            title="Bandwidth",
            section="Safety",
            description_md="For example `400 Mbit/s`. Empty: no limit.",
        ),
        **_limits(),
        **_approval(),
    }


def _limits() -> dict[str, Param]:
    return {
        name: Param(
            None,
            type=["null", "integer"],
            minimum=1,
            maximum=1000,
            title=title,
            section="At once",
            description=f"How many machines may be backed up or moved at the same time {where}, by all waves together; "
            "what finds no room waits. Empty: any number.",
        )
        for name, title, where in (
            ("at_once", "On each host", "on each host"),
            ("at_once_storage", "In each storage pool", "in each storage pool"),
            ("at_once_link", "Between two connections", "from one connection to another"),
        )
    }


def _approval() -> dict[str, Param]:
    return {
        "approval": Param(
            False,
            type="boolean",
            title="Ask before the cutover",
            section="Approval",
            description_md="Under *Required Actions*. A machine that moves cold is off until somebody answers.",
        ),
        "approvers": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Who is asked",
            section="Approval",
            description="Ids of Airflow users, one a line. Empty: whoever may answer for this DAG.",
        ),
        "approval_deadline": Param(
            "4 h",
            type="string",
            title="Deadline",
            section="Approval",
            description_md="How long an answer is waited for, for example `30 min`.",
        ),
        "approval_default": Param(
            "roll back",
            enum=["roll back", "postpone"],
            type="string",
            title="When nobody has answered",
            section="Approval",
        ),
    }


def common_keys(answers: dict[str, Any]) -> dict[str, Any]:
    """What both forms ask for a whole wave, as keys of one.

    :raises BadInputError: somebody is to be asked, and nobody is.
    """
    mappings = {"networks": answers["networks"], "storage": answers["storage"]}
    if answers["test_network"]:
        mappings["test_network"] = answers["test_network"]
    keys: dict[str, Any] = {"mappings": mappings, "backup": {"folder": answers["backup_folder"]}}
    if answers["bandwidth"]:
        keys["bandwidth"] = answers["bandwidth"]
    places = {"host": "at_once", "storage": "at_once_storage", "link": "at_once_link"}
    if limits := {place: answers[name] for place, name in places.items() if answers[name] is not None}:
        keys["limits"] = limits
    if answers["approval"]:
        keys["approval"] = {
            "approvers": answers["approvers"],
            "deadline": answers["approval_deadline"],
            "default": answers["approval_default"],
        }
    elif answers["approvers"]:
        raise BadInputError(
            f"The form names who is asked before the cutover ({', '.join(answers['approvers'])}), but not that anybody "
            "is.",
            remedy="Tick 'Ask before the cutover', or name nobody.",
        )
    return keys


def wave_of(answers: dict[str, Any]) -> dict[str, str]:
    """A wave of one machine, as JSON, and the machine's key.

    :raises BadInputError: the answers make no wave; every mistake is told.
    """
    machine = {"name": answers["machine"], "strategy": answers["strategy"], "checks": answers["checks"]}
    if answers["changing"]:
        machine["guest_files"] = {"changing": answers["changing"]}
    if answers["compare_at_switchover"]:
        machine["compare_at_switchover"] = True
    document = {
        "wave": WAVE,
        "source": answers["source"],
        "target": answers["target"],
        **common_keys(answers),
        "machines": [machine],
    }
    text = json.dumps(document)
    return {"wave": text, "machine": parse(text, "given in the form").machines[0].key}
