"""Export a machine as OVF or OVA, each disk compared with what was packed."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def export(
    machine: Annotated[str, typer.Argument(metavar="VM", help="The machine's name; it may run.")],
    target: Annotated[Path, typer.Argument(metavar="DIR|FILE.ova", help="What is made; never overwritten.")],
    connection: Annotated[str, typer.Option(help="The connection of its hypervisor.")],
    json_output: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> None:
    """Writes descriptor, manifest with SHA-256 digests and stream-optimised VMDKs, which other tools read.

    A running machine's disks are read as they are at one moment. The machine itself stays as it is.
    """
    from drover.blocks.console import human_bytes, progress_bars
    from drover.hypervisors.connection import resolve
    from drover.hypervisors.registry import connect
    from drover.ovf.exporting import export_machine

    with connect(resolve(connection)) as hypervisor, progress_bars() as progress:
        done = export_machine(hypervisor, machine, target, progress=progress)
    if json_output:
        typer.echo(json.dumps({"path": str(done.path), "bytes": done.bytes, "files": dict(done.files)}))
    else:
        typer.echo(f"Wrote {done.path}: {len(done.files)} files, {human_bytes(done.bytes)}, each disk compared.")
