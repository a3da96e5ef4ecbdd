"""The demo's wave file, for the lab that it is run in."""

import json
import shutil

from drover.waves.loader import load
from drover.waves.schema import Wave
from drover_lab import slots
from drover_lab.connections import spec
from drover_lab.demo.home import PROJECT, Home
from drover_lab.lab import Lab

FILE = PROJECT / "lab" / "waves" / "demo.yaml"


def place(home: Home, lab: Lab) -> Wave:
    """Puts the wave where the demo's Airflow reads it, with this lab's addresses and the demo's own backup folder."""
    text = FILE.read_text()
    written, ours = (str(slots.production(slot)).rpartition(".")[0] + "." for slot in (0, lab.topology.state.slot))
    text = text.replace(written, ours).replace("/var/lib/drover/backups", str(home.backups))
    shutil.rmtree(home.waves, ignore_errors=True)
    home.waves.mkdir(parents=True)
    target = home.waves / FILE.name
    target.write_text(text)
    return load(target)


def estimate(planned: Wave, lab: Lab, home: Home) -> float:
    """How long the wave will take, seconds: what `./drover plan` says now, from what earlier demos took here."""
    from drover.hypervisors.registry import connect
    from drover.waves import measured
    from drover.waves.plan import plan

    specs = {host.connection_id: spec(lab, host.name) for host in lab.hosts}
    known = measured.read(home.store)
    return plan(planned, lambda conn_id: connect(specs[conn_id]), specs.__getitem__, known).seconds


def connections(lab: Lab) -> dict[str, str]:
    """Airflow's variables for the connections of the lab's hosts."""
    found = {}
    for host in lab.hosts:
        values = lab.connection(host.name)
        found[f"AIRFLOW_CONN_{values['id'].upper()}"] = json.dumps({k: v for k, v in values.items() if k != "id"})
    return found


def where(lab: Lab, connection_id: str) -> str:
    """The name of the host behind a connection."""
    return next(host.name for host in lab.hosts if host.connection_id == connection_id)


def in_the_way(lab: Lab) -> list[str]:
    """Machines that are not, and only, running where they belong: an earlier wave moved them."""
    states = lab.states()
    return [
        name
        for name, guest in lab.machines.items()
        if {host: found[name] for host, found in states.items() if name in found} != {guest.spec.home: "running"}
    ]
