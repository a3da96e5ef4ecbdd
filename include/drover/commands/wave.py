"""Check wave files, or write their JSON schema for an editor."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Wave files.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of words.")] = False,
) -> None:
    """Read wave files and tell every mistake in them. Exit 0 if there is none, 2 if there is one."""
    from drover.waves.loader import load
    from drover.waves.mistakes import WaveFileError

    results: list[dict[str, Any]] = []
    for path in files:
        try:
            wave = load(path)
        except WaveFileError as error:
            listed = [
                {"line": m.line, "column": m.column, "place": m.place, "problem": m.problem, "expected": m.expected}
                for m in error.mistakes
            ]
            results.append({"file": str(path), "good": False, "mistakes": listed})
            if not as_json:
                typer.echo(str(error), err=True)
        else:
            results.append({"file": str(path), "good": True, "wave": wave.wave, "machines": len(wave.machines)})
            if not as_json:
                typer.echo(f"{path}: wave '{wave.wave}' with {len(wave.machines)} machines, nothing wrong.")
    if as_json:
        typer.echo(json.dumps({"files": results}, indent=2))
    if not all(result["good"] for result in results):
        raise typer.Exit(2)


@app.command()
def schema(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it here instead of on stdout.")] = None,
) -> None:
    """Write the JSON schema of a wave file."""
    from drover.errors import BadInputError
    from drover.waves.json_schema import schema_text

    if output is None:
        sys.stdout.write(schema_text())
        return
    try:
        output.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise BadInputError(
            f"The schema cannot be written to {output}: {error.strerror}.", remedy="Name another file."
        ) from None
