"""List the backups of a folder or an object store, and remove those whose time is over."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from drover.backups.retention import Found

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List backups, or remove those whose time is over.")

UNKNOWN = 1
Place = Annotated[str, typer.Argument(help="backup.folder or backup.repository of the wave files.")]
Store = Annotated[Path | None, typer.Option(help="Where the evidence lies; else DROVER_STORE.")]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")]


@app.command("list")
def list_(place: Place, store: Store = None, json_output: Json = False) -> None:
    """Says of each backup whether it is kept, and why, or due. Changes nothing.

    Exit code 0: all is known; 1: of some nobody can tell, and those are kept.
    """
    from drover.backups.retention import look

    _tell(look(_there(place), _root(store)), json_output)


@app.command("prune")
def prune(place: Place, store: Store = None, json_output: Json = False) -> None:
    """Removes the backups that 'list' calls due. Exit codes as those of 'list'."""
    from drover.backups import retention

    _tell(retention.prune(_there(place), _root(store)), json_output)


def _there(place: str) -> str:
    """:raises BadInputError: there is no such folder; whoever mistypes it must not read that nothing is due."""
    from drover.errors import BadInputError

    if "://" not in place and not Path(place).is_dir():
        raise BadInputError(f"There is no folder {place}.", remedy="Name backup.folder of the wave files.")
    return place


def _root(store: Path | None) -> Path:
    from drover.evidence.store import default_root

    return store or default_root()


def _tell(found: "list[Found]", json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps({"backups": [_facts(one) for one in found]}))
    elif not found:
        typer.echo("There are no backups.")
    for one in () if json_output else found:
        typer.echo(f"{one.shelf.label}: {one.fate}{f'; {one.why}' if one.why else ''}")
    if any(one.fate == "unknown" for one in found):
        raise typer.Exit(UNKNOWN)


def _facts(one: "Found") -> dict[str, Any]:
    return {"backup": one.shelf.label, "state": one.fate.value, "why": one.why, "of": one.of}
