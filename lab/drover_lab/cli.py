"""A datacenter in a box: two sites of KVM hosts, vCenters, Hyper-V hosts; up, down, status, reset."""

import json
from typing import Annotated

import typer

from drover_lab import slots

app = typer.Typer(
    name="lab",
    help="A datacenter in a box: two sites, KVM, vCenters, Hyper-V.",
    no_args_is_help=True,
    add_completion=False,
)

Name = Annotated[str, typer.Option("--name", help="Which lab; several can stand side by side.")]

Json = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")]


def _say(text: str) -> None:
    typer.echo(text)


def _to_stderr(text: str) -> None:
    typer.echo(text, err=True)


@app.command()
def up(
    name: Name = slots.DEFAULT_NAME,
    link_rate: Annotated[
        str | None, typer.Option(help="Rate of the line between the sites, as 'tc' writes it: 800mbit, 1gbit.")
    ] = None,
    machines: Annotated[
        str | None, typer.Option(help="Which machines: names with commas between them, 'all' or 'none'.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Builds the lab, or what is missing of it. With --json, stdout has what 'status' says then, and nothing else."""
    from drover_lab import guests, lab

    special: dict[str | None, tuple[str, ...] | None] = {None: None, "all": guests.NAMES, "none": ()}
    chosen = special[machines] if machines in special else tuple((machines or "").split(","))
    lab.up(name, link_rate=link_rate, machine_names=chosen, say=_to_stderr if as_json else _say)
    if as_json:
        typer.echo(json.dumps(lab.status(name), indent=2))


@app.command()
def down(name: Name = slots.DEFAULT_NAME, as_json: Json = False) -> None:
    """Ends the lab and removes everything of it; built guests stay in the cache. With --json, stdout has its name."""
    from drover_lab import lab

    lab.down(name, say=_to_stderr if as_json else _say)
    if as_json:
        typer.echo(json.dumps({"name": name}))


@app.command()
def status(
    name: Name = slots.DEFAULT_NAME,
    as_json: Json = False,
) -> None:
    """Says what runs where."""
    from drover_lab import lab

    found = lab.status(name)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for host in found["hosts"]:
        _say(f"{host['name']:<10} site {host['site']}  {host['address']:<15} {host['state']}")
    for machine in found["machines"]:
        _say(f"{machine['name']:<10} on {machine['host']}  {machine['address']:<15} {machine['state']}")


@app.command()
def reset(
    names: Annotated[list[str] | None, typer.Argument(help="Which machines; all if none is named.")] = None,
    name: Name = slots.DEFAULT_NAME,
) -> None:
    """Brings machines back to how they were at first, on the host they started on."""
    from drover_lab import lab

    lab.Lab.load(name).reset_all(names or None)
