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
    timeline: Annotated[
        Path | None,
        typer.Option("--timeline", metavar="FILE.svg", help="Also draw the timeline there.", show_default=False),
    ] = None,
) -> None:
    """Show what a wave would do: concerns, order and estimate. Changes nothing.

    Exit 0 if the wave can run, 1 on a Critical concern, 2 on a wrong file or a host that cannot be reached.
    """
    import json
    from functools import partial

    from drover.evidence.store import default_root
    from drover.hypervisors.connection import resolve
    from drover.hypervisors.registry import connect
    from drover.migration import rehearsed
    from drover.waves import measured
    from drover.waves.loader import load
    from drover.waves.plan import plan as make_plan

    known, last = measured.read(default_root()), partial(rehearsed.newest, default_root())
    report = make_plan(load(wave_file), lambda conn_id: connect(resolve(conn_id)), resolve, known, last)
    if timeline is not None:
        _draw(report, timeline)
    if as_json:
        typer.echo(json.dumps(as_json_value(report), indent=2))
    else:
        from drover.waves.show import show

        show(report)
    if report.critical:
        raise typer.Exit(1)


def _draw(report: "PlanReport", path: Path) -> None:
    from drover.commands._output import put
    from drover.waves.picture import svg
    from drover.waves.words import duration

    wave = report.wave
    title = f"Wave {wave.wave}: {wave.source} to {wave.target}, {duration(report.seconds)}"
    names = [machine.plan.name for machine in report.machines]
    closes = report.fit.lead + report.fit.there if report.fit else None
    put(path, svg(title, names, report.spans, closes), "timeline")


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
        "window": _window(report),
        "timeline": [
            {"machine": span.machine, "step": span.step, "begins": round(span.begins, 1), "ends": round(span.ends, 1)}
            for span in report.spans
        ],
        "machines": [_machine(machine) for machine in report.machines],
    }


def _window(report: "PlanReport") -> dict[str, Any] | None:
    """What the wave needs against what its window leaves; None where it has no window."""
    fit = report.fit
    if fit is None:
        return None
    return {
        "opens": fit.opens,
        "closes": fit.closes,
        "needed_seconds": round(fit.needed, 1),
        "left_seconds": round(fit.there, 1),
        "begin_before_seconds": round(fit.lead, 1),
        "fits": list(fit.fits),
        "late": list(fit.late),
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
