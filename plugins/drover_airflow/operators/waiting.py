"""Waiting without a worker before a machine is touched: for its window, and for room where it is to be moved."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import Context

from drover_airflow.moves import opened
from drover_airflow.operators.base import DroverOperator
from drover_airflow.triggers.waiting import AT_LEAST, RoomTrigger

if TYPE_CHECKING:
    from drover.migration.move import Move
    from drover.migration.slots import Turn

Facts = dict[str, Any]
log = logging.getLogger(__name__)


def room(move: "Move", turn: "Turn") -> RoomTrigger | None:
    """What a task waits for that got no place; None where it is its turn."""
    if not turn.full:
        return None
    log.info("%s: waits for room. %s", move.name, "; ".join(turn.full))
    return RoomTrigger(who=json.dumps([move.wave.wave, move.run, move.name]), wanted=json.dumps(dict(turn.wanted)))


def before_going_down(move: "Move", turn: "Turn") -> RoomTrigger | DateTimeTrigger | None:
    """What a machine waits for before its source goes down; None where it may."""
    from drover.migration import window

    if (wait := room(move, turn)) is not None:
        return wait
    opens = window.opens_at(move)
    return None if opens is None else until(opens)


def until(moment: float) -> DateTimeTrigger:
    """:param moment: seconds since the epoch; not at once, see `AT_LEAST`."""
    soonest = datetime.now(UTC).timestamp() + AT_LEAST
    return DateTimeTrigger(moment=datetime.fromtimestamp(max(moment, soonest), UTC))


class WindowOperator(DroverOperator):
    """Waits until the wave's window is open, and refuses a machine that would not arrive before it closes.

    :param wave: path of the wave file, or the wave as JSON. (templated)
    :param machine: the machine's key in the wave. (templated)
    """

    template_fields: Sequence[str] = ("wave", "machine")
    ui_color = "#eceae0"

    def __init__(self, *, wave: str, machine: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wave = wave
        self.machine = machine

    def execute(self, context: Context) -> Facts:
        from drover.migration import window

        run = context["run_id"]
        assert run is not None  # of a task that runs
        with self.plainly(), opened(self.wave, self.machine, run, dag=self.dag_id) as move:
            opens = window.opens_at(move)
            facts: Facts = {} if opens is not None else window.run(move)
        if opens is not None:
            self.log.info("%s: waiting without a worker until the window opens.", self.machine)
            self.defer(trigger=until(opens), method_name="execute_again")
        for name, value in facts.items():
            self.log.info("  %s: %s", name, value)
        return facts

    def execute_again(self, context: Context, event: Any) -> Facts:
        """Called when the window should be open: everything is asked anew."""
        self.log.info("%s: resumed by %s.", self.machine, event)
        return self.execute(context)
