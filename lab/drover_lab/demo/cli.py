"""Shows a whole wave on this machine: lab, Airflow, eight machines moved and proven."""

from typing import Annotated

import typer

from drover_lab import slots

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    leave: Annotated[
        bool, typer.Option("--exit", help="End everything afterwards, instead of keeping the UI up.")
    ] = False,
    name: Annotated[
        str, typer.Option("--name", help="The lab to use; it is started where it is not up.")
    ] = slots.DEFAULT_NAME,
) -> None:
    """Shows a whole wave on this machine. Exit 0 only if every machine migrated and validated."""
    from rich.console import Console

    from drover_lab.demo.run import demo as run

    slots.check_name(name)
    outcome = run(name, leave=leave, console=Console())
    raise typer.Exit(0 if outcome.good else 1)
