"""Measure Drover beside its peers, nbdcopy and qemu-img, in the same run."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from drover.blocks.console import human_bytes
from drover.errors import BadInputError

app = typer.Typer(add_completion=False)

_SMALLEST = 64
_KINDS = ("random", "compressible", "sparse")
_ROOT = Path(__file__).resolve().parents[3]


@app.command()
def bench(
    size: Annotated[int, typer.Option(help="Size of each disk, MiB; below 2048 the figures mean little.")] = 2048,
    kind: Annotated[list[str] | None, typer.Option(help="Only disks of this kind; may be repeated.")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Also run the demo's wave, beside its estimate; needs root.")
    ] = False,
    json_output: Annotated[bool, typer.Option("--json", help="The figures as JSON on stdout.")] = False,
) -> None:
    """Copies disks with Drover, with nbdcopy and with qemu-img, in turns, and shows each figure beside its peer's.

    A ratio below 1 means that Drover is better. bench/README.md says what is measured, and how.
    """
    if size < _SMALLEST or not set(kind or ()) <= set(_KINDS):
        raise BadInputError(
            "The benchmark's options are wrong.",
            remedy=f"Give a --size of at least {_SMALLEST} and a --kind of {', '.join(_KINDS)}.",
        )
    figures = [figure.to_json() for figure in _module().run(size << 20, tuple(kind or _KINDS), demo, _say)]
    if json_output:
        typer.echo(json.dumps({"figures": figures}))
    else:
        _show(figures, f"Disks of {human_bytes(size << 20)}; seconds are the best of several rounds")


def _module() -> Any:
    """The benchmark lies beside the package, in the project's folder, and is no part of what is installed."""
    if not (_ROOT / "bench" / "run.py").exists():
        raise BadInputError("The benchmark is not in this installation.", remedy="Run it from a clone of the project.")
    sys.path.insert(0, str(_ROOT))
    return import_module("bench.run")


def _say(text: str) -> None:
    if sys.stderr.isatty():
        typer.echo(f"measuring: {text}", err=True)


def _show(figures: list[dict[str, Any]], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for column in ("figure", "Drover", "peer", "", "ratio", "aim", "met"):
        table.add_column(column, justify="left" if column in ("figure", "peer", "met") else "right", overflow="fold")
    met = {True: "yes", False: "no", None: ""}
    for row in figures:
        table.add_row(
            row["name"],
            f"{row['value']:.2f} {row['unit']}",
            row["peer"],
            f"{row['peer_value']:.2f} {row['unit']}",
            f"{row['ratio']:.2f}",
            "" if row["aim"] is None else f"{row['aim']:.2f}",
            met[row["met"]],
        )
    Console().print(table)
