"""Bring a verified backup back as a machine, off; a wrong byte is refused before anything is made."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from drover.backups.restore import Original, Restored

app = typer.Typer(add_completion=False)


@app.command()
def restore(
    backup: Annotated[str, typer.Argument(metavar="BACKUP", help="The folder of one machine's backup.")],
    to: Annotated[str, typer.Option("--to", help="The connection of the hypervisor that gets the machine.")],
    name: Annotated[str | None, typer.Option(help="The new machine's name; else the original's.")] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="BACKUP=TARGET; a network that is not named keeps its name.")
    ] = None,
    storage: Annotated[str | None, typer.Option(help="The storage pool; needed where there are several.")] = None,
    host: Annotated[str | None, typer.Option(help="The host or cluster; else the target decides.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> None:
    """Makes a machine of a backup: off, out of autostart, tagged as restored, with the MAC addresses that it had.

    It must never run beside its original, whose state is asked and told. Started again, a killed restore is repeated.
    """
    from drover.backups.restore import originals
    from drover.backups.restore import restore as bring_back
    from drover.backups.shelf import open_shelf
    from drover.blocks.console import progress_bars
    from drover.commands._pairs import read_pairs
    from drover.hypervisors.connection import resolve
    from drover.hypervisors.registry import connect

    networks = read_pairs(network or [])
    with connect(resolve(to)) as hypervisor, progress_bars() as progress:
        done = bring_back(
            hypervisor, open_shelf(backup), name=name, networks=networks, pool=storage, host=host, progress=progress
        )
    others = originals(done, lambda conn_id: connect(resolve(conn_id)))
    typer.echo(json.dumps(_facts(done, others)) if json_output else "\n".join(_words(done, others)))


def _facts(done: "Restored", others: "list[Original]") -> dict[str, Any]:
    return {
        "name": done.machine.name,
        "uuid": done.machine.uuid,
        "host": done.machine.host,
        "backup": done.of,
        "digests": dict(done.digests),
        "originals": [
            {"connection": one.connection, "state": one.state.value if one.state else None, "why": one.why}
            for one in others
        ],
    }


def _words(done: "Restored", others: "list[Original]") -> list[str]:
    lines = [f"Made machine '{done.machine.name}' on {done.machine.host}, off; every disk was read back."]
    lines += [
        f"The original is {one.state} at connection '{one.connection}'."
        if one.state
        else f"Whether the original runs could not be asked at connection '{one.connection}': {one.why}"
        for one in others
    ]
    lines.append(
        "It has the original's MAC addresses and data: never let the two run at the same time. "
        "Make sure that the original is off before you start this one."
    )
    return lines
