"""Check wave files, propose them from a list of machines, or write their JSON schema for an editor."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from drover.proposals.candidate import Candidate
    from drover.proposals.run import Wanted, Written

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Wave files.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of words.")] = False,
) -> None:
    """Read wave files and tell every mistake in them. Exit 0 if there is none, 2 if there is one."""
    from drover.streams import told
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
                told(str(error))
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
    from drover.commands._output import put
    from drover.waves.json_schema import schema_text

    if output is None:
        sys.stdout.write(schema_text())
    else:
        put(output, schema_text(), "schema")


@app.command()
def status(
    wave: Annotated[
        str, typer.Argument(metavar="WAVE", help="The wave's name, or its file WAVE.yaml.", show_default=False)
    ],
    run: Annotated[str | None, typer.Option("--run", help="The id of its DAG run, if not the newest one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of words.")] = False,
) -> None:
    """Tell where each machine of a run stands, from the evidence in DROVER_STORE. Changes nothing."""
    from drover.commands._standing import in_words, of_run, read_run

    store, read = read_run(wave, run)
    typer.echo(json.dumps(of_run(store, read)) if as_json else "\n".join(in_words(store, read)))


_Folder = Annotated[Path, typer.Option("--output", "-o", help="The folder that they are written into.")]
_Most = Annotated[int, typer.Option("--max-machines", min=1, help="Machines in a wave.")]
_Largest = Annotated[str | None, typer.Option("--max-size", help="Disks in a wave, as in '2 TiB'; else any size.")]
_Source = Annotated[
    list[str] | None,
    typer.Option("--source", help="The source's connection, or VCENTER=CONNECTION for each; else it stays open."),
]
_Target = Annotated[str | None, typer.Option("--target", help="The target's connection; else it stays open.")]
_Backup = Annotated[str | None, typer.Option("--backup-folder", help="On the worker; else it stays open.")]
_Network = Annotated[list[str] | None, typer.Option("--network", help="OLD=NEW; what is not named stays open.")]
_Storage = Annotated[list[str] | None, typer.Option("--storage", help="OLD=NEW; what is not named stays open.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of words.")]
_OUTPUT = Path("proposed-waves")


@app.command("from-rvtools")
def from_rvtools(
    file: Annotated[Path, typer.Argument(metavar="FILE.xlsx", help="An export of all sheets.", show_default=False)],
    output: _Folder = _OUTPUT,
    by: Annotated[str, typer.Option(help="The column of vInfo whose machines stay together, or 'none'.")] = "Cluster",
    max_machines: _Most = 20,
    max_size: _Largest = None,
    source: _Source = None,
    target: _Target = None,
    backup_folder: _Backup = None,
    network: _Network = None,
    storage: _Storage = None,
    as_json: _Json = False,
) -> None:
    """Propose waves from an RVTools export, as files that you edit. Overwrites nothing."""
    from drover.proposals import rvtools
    from drover.proposals.run import kind_of, run

    candidates, absent = rvtools.read(file, by)
    wanted = _wanted(candidates, {}, output, max_machines, max_size, source, target, backup_folder, network, storage)
    _tell(run(file, candidates, wanted, live=kind_of(target) == "vsphere", absent=absent), as_json)


@app.command("from-csv")
def from_csv(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="With a column 'name'.", show_default=False)],
    output: _Folder = _OUTPUT,
    by: Annotated[
        str | None, typer.Option(help="The column whose machines stay together, or 'none'.", show_default=False)
    ] = None,
    max_machines: _Most = 20,
    max_size: _Largest = None,
    source: _Source = None,
    target: _Target = None,
    backup_folder: _Backup = None,
    network: _Network = None,
    storage: _Storage = None,
    as_json: _Json = False,
) -> None:
    """Propose waves from a table of your own, as files that you edit. Overwrites nothing."""
    from drover.proposals import csv_machines
    from drover.proposals.run import alike, run

    candidates = csv_machines.read(file, by)
    own = {each.place: each.place for each in candidates if each.place}  # the table names connections itself
    wanted = _wanted(candidates, own, output, max_machines, max_size, source, target, backup_folder, network, storage)
    sources = {wanted.filled.source_of(each.place) or "" for each in candidates}
    unread = csv_machines.unread(candidates, by)
    _tell(run(file, candidates, wanted, live=alike(sources, target), unread=unread), as_json)


def _wanted(
    candidates: "Sequence[Candidate]",
    sources: dict[str, str],
    output: Path,
    most: int,
    largest: str | None,
    source: list[str] | None,
    target: str | None,
    backup: str | None,
    network: list[str] | None,
    storage: list[str] | None,
) -> "Wanted":
    from drover.commands._pairs import read_pairs
    from drover.proposals.run import Wanted, sources_of
    from drover.proposals.writing import Filled

    filled = Filled(
        sources={**sources, **sources_of(source or [], {each.place for each in candidates})},
        target=target,
        backup=backup,
        networks=read_pairs(network or []),
        storage=read_pairs(storage or [], "storage pool", "--storage"),
    )
    return Wanted(output, most, largest, filled)


def _tell(written: "Written", as_json: bool) -> None:
    typer.echo(json.dumps(written.as_json(), indent=2) if as_json else written.as_text())
