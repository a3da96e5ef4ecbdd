"""A plan on the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from drover.concerns.finding import size
from drover.model import Category
from drover.waves.fit import Fit
from drover.waves.picture import LOOKS, OTHER, looks
from drover.waves.plan import PlannedMachine, PlanReport
from drover.waves.timeline import Span
from drover.waves.words import duration

_COLUMNS = 60
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
    if report.spans:
        console.print(_timeline(report))
    console.print(Text(f"Estimate: {duration(report.seconds)}. It rests on {report.basis}."))
    if report.fit:
        console.print(Text(f"Window: {_window(report.fit)}"))
    missing = [machine.plan.name for machine in report.machines if machine.estimate is None]
    if missing:
        console.print(Text(f"Not in the estimate, because not found: {', '.join(missing)}.", style="yellow"))
    console.print(_verdict(report))


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


def _timeline(report: PlanReport) -> Text:
    """A row a machine, a letter for what goes on most of that time; a dot where it waits."""
    whole = max(report.seconds, 1.0)
    wide = max(len(machine.plan.name) for machine in report.machines)
    text = Text(f"Timeline, each letter {duration(whole / _COLUMNS)}\n", style="italic", no_wrap=True)
    for machine in report.machines:
        spans = [span for span in report.spans if span.machine == machine.plan.name]
        text.append(f"{machine.plan.name:<{wide}}  ", style="not italic")
        for column in range(_COLUMNS if spans else 0):
            letter, colour = _look(spans, (column + 0.5) * whole / _COLUMNS)
            text.append(letter, style=f"not italic {colour}")
        text.append("\n")
    legend = ", ".join(f"{letter} {step}" for step, (letter, _) in looks(report.spans).items())
    return text.append(legend, style="dim")


def _window(fit: Fit) -> str:
    if fit.late:
        return fit.words
    return f"{fit.words} Begin {duration(fit.lead)} before it opens, so that the first backups are made by then."


def _look(spans: list[Span], moment: float) -> tuple[str, str]:
    for span in spans:
        if span.begins <= moment < span.ends:
            return LOOKS.get(span.step, OTHER)
    ended = all(span.ends <= moment for span in spans)
    return (" " if ended else ".", "#777777")


def _verdict(report: PlanReport) -> Text:
    if report.critical:
        found = "A Critical concern blocks" if report.critical == 1 else f"{report.critical} Critical concerns block"
        return Text(f"{found} this wave.", style=_STYLE[Category.CRITICAL])
    return Text("Nothing blocks this wave.", style="green")
