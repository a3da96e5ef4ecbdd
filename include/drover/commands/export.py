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
    target: Annotated[
        Path, typer.Argument(metavar="DIR|FILE.ova", help=r"What is made; never overwritten. D:\...: see below.")
    ],
    connection: Annotated[str, typer.Option(help="The connection of its hypervisor.")],
    json_output: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> None:
    """Writes descriptor, manifest with SHA-256 digests and stream-optimised VMDKs, which other tools read.

    A running machine's disks are read as they are at one moment. The machine itself stays as it is. A folder such as
    D:\\Exports\\web is one of the Hyper-V host itself, which writes the machine there in its own format.
    """
    from drover.blocks.console import human_bytes, progress_bars
    from drover.hypervisors.connection import resolve
    from drover.hypervisors.hyperv.folders import ExportedFolder, export_to, session_for
    from drover.hypervisors.registry import connect
    from drover.ovf.exporting import Exported, export_machine

    # The same each time: what a killed export left at the hypervisor is found when the same one is made again, and the
    # snapshot of another one that runs now is left alone.
    spec = replace(resolve(connection), reader=f"export to {target.absolute()} on {gethostname()}")
    done: Exported | ExportedFolder
    with connect(spec) as hypervisor, progress_bars() as progress:
        session = session_for(hypervisor, str(target))
        if session is not None:
            done = export_to(session, machine, str(target))
        else:
            done = export_machine(hypervisor, machine, target, progress=progress)
    if json_output:
        typer.echo(json.dumps({"path": str(done.path), "bytes": done.bytes, "files": dict(done.files)}))
    else:
        proof = "each disk compared" if session is None else "by Hyper-V, each file's digest taken there"
        typer.echo(f"Wrote {done.path}: {len(done.files)} files, {human_bytes(done.bytes)}, {proof}.")
