"""Asks a person before the cutover, on Airflow's own page for it. The wait needs neither worker nor trigger.

What is told and what an answer means is `drover.migration`'s; nothing is decided here.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context

from drover_airflow.moves import opened
from drover_airflow.operators.base import DroverOperator

# As `drover.migration.approval.Choice` has them; what DAG files import stays light.
_OPTIONS = ["approve", "postpone", "roll back"]


class ApprovalOperator(DroverOperator, HITLOperator):
    """Waits for the answer of one of the wave's approvers, or for the deadline.

    Approvers, deadline and default are those of the wave as the run began with it.

    :param wave: path of the wave file, or the wave as JSON. (templated)
    :param machine: the machine's key in the wave. (templated)
    """

    template_fields: Sequence[str] = ("wave", "machine")
    ui_color = "#f7e3ec"

    def __init__(self, *, wave: str, machine: str, **kwargs: Any) -> None:
        super().__init__(
            subject="Cutover",
            options=_OPTIONS,
            # The one that is waited for; the wave's own stands in its place when the question is asked.
            response_timeout=timedelta(hours=4),
            **kwargs,
        )
        self.wave = wave
        self.machine = machine

    def execute(self, context: Context) -> Any:
        from drover.migration import approval
        from drover.migration.question import question

        with self.plainly(), opened(self.wave, self.machine, _run(context), dag=self.dag_id) as move:
            facts = approval.given(move)
            if facts is not None:
                self.log.info("Nobody is asked now: %s.", facts)
                return facts
            asked, seconds = question(move), approval.ask(move)
        plan = asked.plan
        self.subject, self.body = asked.subject, asked.body
        self.assigned_users = [{"id": name, "name": name} for name in plan.approvers] or None
        self.defaults = [plan.default]
        self.response_timeout = timedelta(seconds=seconds)
        self.log.info("%s\n%s", asked.subject, asked.body)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Called with the answer, or with the default at the deadline."""
        from drover.migration import approval

        told = super().execute_complete(context, event)
        (choice,) = told["chosen_options"]
        user = told["responded_by_user"]
        nobody = event.get("timedout") or user is None
        by, who = (None, None) if nobody else (str(user["name"]), str(user["id"]))
        answer = approval.Answer(approval.Choice(choice), by, told["responded_at"], who)
        with self.plainly(), opened(self.wave, self.machine, _run(context), dag=self.dag_id) as move:
            facts = approval.answered(move, answer)
        self.log.info("%s: %s.", answer.by or "Nobody", answer.choice)
        return self.execute(context) if facts is None else facts


def _run(context: Context) -> str:
    run = context["run_id"]
    assert run is not None  # of a task that runs
    return run
