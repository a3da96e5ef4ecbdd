"""Import an OVF package or OVA file as a machine, checked against its manifest and read back."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.ova|FILE.ovf|DIR", help="The package.")],
    connection: Annotated[str, typer.Option(help="The connection of the hypervisor that gets it.")],
    name: Annotated[str | None, typer.Option(help="The new machine's name; else the package's.")] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="PACKAGE=TARGET; a network that is not named keeps its name.")
    ] = None,
    storage: Annotated[str | None, typer.Option(help="The storage pool; needed where there are several.")] = None,
    host: Annotated[str | None, typer.Option(help="The host or cluster; else the target decides.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> None:
    """Makes a machine of a package, off. One with a wrong byte is refused; started again, a killed import is repeated.

    A folder such as D:\\Exports\\web is one of the Hyper-V host itself, which makes the machine of what it exported
    there: a copy with an id of its own, where a name is given.
    """
    from drover.blocks.console import progress_bars
    from drover.commands._pairs import read_pairs
    from drover.hypervisors.connection import resolve
    from drover.hypervisors.hyperv.folders import import_from, one_switch, session_for
    from drover.hypervisors.registry import connect
    from drover.ovf.importing import import_package

    networks = read_pairs(network or [])
    with connect(resolve(connection)) as hypervisor, progress_bars() as progress:
        session = session_for(hypervisor, str(file))
        if session is not None:
            switch = one_switch(networks)
            made = import_from(session, str(file), name=name, switch=switch, new_id=name is not None, pool=storage)
            _tell_of(made.name, made.uuid, made.host, json_output)
            return
        done = import_package(
            hypervisor, file, name=name, networks=networks, pool=storage, host=host, progress=progress
        )
    if json_output:
        facts = {
            "name": done.machine.name,
            "uuid": done.machine.uuid,
            "host": done.machine.host,
            "manifest": done.manifest,
            "notes": list(done.notes),
            "digests": dict(done.digests),
        }
        typer.echo(json.dumps(facts))
        return
    typer.echo(f"Made machine '{done.machine.name}' on {done.machine.host}, off; every disk was read back.")
    for note in done.notes:
        typer.echo(f"Note: {note}.")


def _tell_of(name: str, uuid: str, host: str, json_output: bool) -> None:
    if json_output:
        # Hyper-V keeps no digests of what it exports, so there were none to check.
        none: dict[str, object] = {"manifest": None, "notes": [], "digests": {}}
        typer.echo(json.dumps({"name": name, "uuid": uuid, "host": host, **none}))
    else:
        typer.echo(f"Made machine '{name}' on {host}, off.")
