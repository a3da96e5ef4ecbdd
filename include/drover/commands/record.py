"""Record what a Hyper-V host or a vCenter answers to calls that only read, without names and secrets."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def record(
    connection: Annotated[
        str, typer.Argument(metavar="CONNECTION", help="The connection of a Hyper-V host or a vCenter.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What is made: one JSON file a call.")],
) -> None:
    """Asks everything that Drover would ask, and writes down the answers, to be read where the host is not.

    Names, addresses, paths and ids become others, the same everywhere; logins and passwords are in no file. Nothing is
    changed there. Read what was written before you give it to anybody.
    """
    from drover.hypervisors.connection import resolve
    from drover.recordings import recorded, tape

    paths = tape.write(folder, recorded.calls(resolve(connection)))
    typer.echo(f"Wrote {len(paths)} answers to {folder}. Read them before you give them to anybody.")
