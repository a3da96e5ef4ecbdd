"""Export a machine as OVF or OVA, each disk compared with what was packed."""

import json
from dataclasses import replace
from pathlib import Path
from socket import gethostname
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

    # The same each time: what a killed export left at the hypervisor is found when the same one is made again, and the
    # snapshot of another one that runs now is left alone.
    spec = replace(resolve(connection), reader=f"export to {target.absolute()} on {gethostname()}")
    with connect(spec) as hypervisor, progress_bars() as progress:
        done = export_machine(hypervisor, machine, target, progress=progress)
    if json_output:
        typer.echo(json.dumps({"path": str(done.path), "bytes": done.bytes, "files": dict(done.files)}))
    else:
        typer.echo(f"Wrote {done.path}: {len(done.files)} files, {human_bytes(done.bytes)}, each disk compared.")
