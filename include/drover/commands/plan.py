"""Show what a wave would do: concerns, order and estimate. Changes nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from drover.waves.plan import PlannedMachine, PlanReport

app = typer.Typer(help=__doc__, add_completion=False)


@app.command()
def plan(
    wave_file: Annotated[Path, typer.Argument(metavar="WAVE.yaml", help="The wave file.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Show what a wave would do: concerns, order and estimate. Changes nothing.

    Exit 0 if the wave can run, 1 on a Critical concern, 2 on a wrong file or a host that cannot be reached.
    """
    import json

    from drover.hypervisors.connection import resolve
    from drover.hypervisors.registry import connect
    from drover.waves.loader import load
    from drover.waves.plan import plan as make_plan

    report = make_plan(load(wave_file), lambda conn_id: connect(resolve(conn_id)), resolve)
    if as_json:
        typer.echo(json.dumps(as_json_value(report), indent=2))
    else:
        from drover.waves.show import show

        show(report)
    if report.critical:
        raise typer.Exit(1)


def as_json_value(report: "PlanReport") -> dict[str, Any]:
    """The stable shape of `--json`."""
    return {
        "wave": report.wave.wave,
        "source": report.wave.source,
        "target": report.wave.target,
        "critical": report.critical,
        "order": [list(tier) for tier in report.order],
        "estimate_seconds": round(report.seconds, 1),
        "estimate_complete": all(machine.estimate for machine in report.machines),
        "estimate_basis": report.basis,
        "machines": [_machine(machine) for machine in report.machines],
    }


def _machine(machine: "PlannedMachine") -> dict[str, Any]:
    from drover.model import to_json

    return {
        "name": machine.plan.name,
        "key": machine.plan.key,
        "strategy": machine.plan.strategy.value,
        "after": list(machine.plan.after),
        "source": machine.source,
        "target": machine.target,
        "bytes": machine.estimate.data if machine.estimate else None,
        "estimate_seconds": round(machine.estimate.seconds, 1) if machine.estimate else None,
        "proves": list(machine.proofs.proves),
        "cannot_prove": list(machine.proofs.cannot_prove),
        "concerns": [to_json(concern) for concern in machine.concerns],
    }
