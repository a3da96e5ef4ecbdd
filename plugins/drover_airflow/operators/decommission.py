"""Removing sources for good: a person is asked, then each machine is asked everything again and its source removed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from drover_airflow.moves import reopened
from drover_airflow.operators.base import DroverOperator

_REMOVE = "remove for good"
_LEAVE = "leave them"


class DecommissionApprovalOperator(DroverOperator, HITLOperator):
    """Asks a person about all machines at once; where nobody says yes within a week, nothing is removed.

    Where the wave names approvers, they are asked, and nobody else's yes counts.

    :param machines: as `drover_airflow.decommissioning.asked_for` gives them. (templated)
    """

    template_fields: Sequence[str] = ("machines",)
    ui_color = "#f7e3ec"

    def __init__(self, *, machines: Any, **kwargs: Any) -> None:
        super().__init__(
            subject="Decommission",
            options=[_REMOVE, _LEAVE],
            defaults=_LEAVE,
            response_timeout=timedelta(days=7),
            **kwargs,
        )
        self.machines = machines

    def execute(self, context: Context) -> Any:
        from drover_airflow.decommissioning import approvers, question

        with self.plainly():
            self.subject, self.body = question(list(self.machines))
            asked = approvers(list(self.machines))
        self.assigned_users = [{"id": name, "name": name} for name in asked] or None
        self.log.info("%s\n%s", self.subject, self.body)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Called with the answer, or with the default at the deadline."""
        from drover_airflow.decommissioning import keep_answer

        told = super().execute_complete(context, event)
        user = told["responded_by_user"]
        if told["chosen_options"] != [_REMOVE] or event.get("timedout") or user is None:
            raise AirflowSkipException("Nobody said yes, so nothing is removed.")
        with self.plainly():
            by, who = str(user["name"]), str(user["id"])
            keep_answer(list(self.machines), _run(context), by, told["responded_at"], who)
        self.log.info("%s said yes.", user["name"])


class DecommissionOperator(DroverOperator):
    """Removes one machine's source, after it asked everything again.

    :param wave: :param run: :param machine: names. (templated) :param days: that the commit must be ago.
    """

    template_fields: Sequence[str] = ("wave", "run", "machine", "days")
    ui_color = "#f2d9d5"

    def __init__(self, *, wave: str, run: str, machine: str, days: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wave = wave
        self.run = run
        self.machine = machine
        self.days = days

    def execute(self, context: Context) -> dict[str, Any]:
        from drover.migration import decommission

        with self.plainly(), reopened(self.wave, self.run, self.machine) as move:
            facts: dict[str, Any] = decommission.run(move, _run(context), float(self.days))
        for name, value in facts.items():
            self.log.info("  %s: %s", name, value)
        self.log.info("Evidence of this machine: %s", move.store.folder)
        return facts


def _run(context: Context) -> str:
    run = context["run_id"]
    assert run is not None  # of a task that runs
    return run
