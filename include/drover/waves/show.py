"""A plan on the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from drover.concerns.finding import size
from drover.model import Category
from drover.waves.plan import PlannedMachine, PlanReport

_STYLE = {Category.CRITICAL: "bold red", Category.WARNING: "yellow", Category.INFORMATION: "cyan"}


def show(report: PlanReport, console: Console | None = None) -> None:
    """Tables of the machines and of their concerns, and the verdict."""
    console = console or Console()
    wave = report.wave
    console.print(Text(f"Wave {wave.wave}: {wave.source} to {wave.target}", style="bold"))
    if wave.description:
        console.print(Text(wave.description))
    console.print(_machines(report))
    if any(machine.concerns for machine in report.machines):
        console.print(_concerns(report))
    console.print(Text(f"Estimate: {duration(report.seconds)}. It rests on {report.basis}."))
    missing = [machine.plan.name for machine in report.machines if machine.estimate is None]
    if missing:
        console.print(Text(f"Not in the estimate, because not found: {', '.join(missing)}.", style="yellow"))
    console.print(_verdict(report))


def duration(seconds: float) -> str:
    """For a reader: `1 h 05 min`, `3 min`, `40 s`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _machines(report: PlanReport) -> Table:
    table = Table(title="Order", title_justify="left", expand=False)
    for heading in ("Tier", "Machine", "Strategy", "Data", "Estimate", "Proves", "Cannot prove"):
        table.add_column(heading, overflow="fold")
    by_name = {machine.plan.name: machine for machine in report.machines}
    for number, tier in enumerate(report.order, start=1):
        for name in tier:
            table.add_row(str(number), *_cells(by_name[name]))
    return table


def _cells(machine: PlannedMachine) -> tuple[str, ...]:
    estimate = machine.estimate
    return (
        escape(machine.plan.name),
        machine.plan.strategy.value,
        size(estimate.data) if estimate else "-",
        duration(estimate.seconds) if estimate else "-",
        "; ".join(machine.proofs.proves),
        "; ".join(machine.proofs.cannot_prove) or "-",
    )


def _concerns(report: PlanReport) -> Table:
    table = Table(title="Concerns", title_justify="left", expand=False, show_lines=True)
    for heading in ("Machine", "Category", "Concern", "Assessment"):
        table.add_column(heading, overflow="fold")
    for machine in report.machines:
        for concern in machine.concerns:
            table.add_row(
                escape(machine.plan.name),
                Text(concern.category.value, style=_STYLE[concern.category]),
                escape(f"{concern.label}\n{concern.id}"),
                escape(concern.assessment),
            )
    return table


def _verdict(report: PlanReport) -> Text:
    if report.critical:
        found = "A Critical concern blocks" if report.critical == 1 else f"{report.critical} Critical concerns block"
        return Text(f"{found} this wave.", style=_STYLE[Category.CRITICAL])
    return Text("Nothing blocks this wave.", style="green")
