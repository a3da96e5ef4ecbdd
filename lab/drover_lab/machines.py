"""The lab's machines on their hosts: brought to life, brought back to how they were at first."""

import contextlib
import json
import urllib.error
import urllib.request
from typing import Any

from drover_lab import host, kvm
from drover_lab.build import cache
from drover_lab.definitions import domain
from drover_lab.guests import Guest, guest
from drover_lab.process import wait_until
from drover_lab.topology import Topology
from drover_lab.virsh import states, undefine, virsh

BOOT_SECONDS = 120.0


def all_states(lab: Topology) -> dict[str, dict[str, str]]:
    """Host name -> machine name -> state. A host that does not run has none."""
    return {where.name: states(lab, where) if host.is_running(where) else {} for where in lab.hosts}


def ensure(lab: Topology, say: cache.Say) -> None:
    """Every machine is somewhere: one that is nowhere is made, one that is off everywhere is started at home.

    A machine that was moved stays where it is; of two definitions, that one counts which starts with its host.
    """
    known = all_states(lab)
    missing = [name for name in lab.state.guests if not any(name in found for found in known.values())]
    for name in missing:
        say(f"Making the machine {name}.")
        restore(lab, name)
    for name in set(lab.state.guests) - set(missing):
        where = [place for place, found in known.items() if name in found]
        if all(known[place][name] == "off" for place in where):
            _start_again(lab, name, where, say)


def _start_again(lab: Topology, name: str, places: list[str], say: cache.Say) -> None:
    automatic = [
        place for place in places if "Autostart:      enable" in virsh(lab, lab.host(place), "dominfo", name)
    ]
    chosen = automatic or places
    if len(chosen) == 1:
        say(f"Starting {name} on {chosen[0]}.")
        virsh(lab, lab.host(chosen[0]), "start", name)
    else:
        say(f"{name} is off on {' and '.join(chosen)}; it stays so ('lab reset {name}' starts it afresh).")


def restore(lab: Topology, name: str) -> None:
    """Removes the machine from both hosts and starts it at home with its first disks. Does not wait for its boot."""
    machine = guest(lab, name)
    remove(lab, machine)
    home = lab.host(machine.spec.home)
    pristine = cache.images(machine, lab.state.slot, lambda _: None)
    for disk in machine.spec.disks:
        cache.copy(pristine[disk.name], home.folder / "var-lib-libvirt/images" / machine.image_name(disk))
    virsh(lab, home, "define", "/dev/stdin", stdin=domain(machine, kvm.domain_type(), lab.state.name))
    virsh(lab, home, "autostart", name)
    virsh(lab, home, "start", name)
    virsh(lab, home, "pool-refresh", "default")


def remove(lab: Topology, machine: Guest) -> None:
    """The machine with everything of it that lies in the pools' folders of either host."""
    for where in lab.hosts:
        undefine(lab, where, machine.name)
        folder = where.folder / "var-lib-libvirt/images"
        # Also what others put beside it: overlays, drafts of a move (`web.qcow2.*`).
        for disk in machine.spec.disks:
            for path in folder.glob(f"{machine.image_name(disk)}*"):
                path.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            (where.folder / "var-lib-libvirt/qemu/nvram" / f"{machine.name}_VARS.fd").unlink()


def health(machine: Guest, timeout: float = 3.0) -> dict[str, Any] | None:
    """What the machine says of itself, asked over the production network; None where it does not answer.

    :param timeout: seconds.
    """
    try:
        with urllib.request.urlopen(f"{machine.url}/health", timeout=timeout) as answer:
            values: dict[str, Any] = json.load(answer)
            return values
    except (urllib.error.URLError, OSError, ValueError):
        return None


def journal(machine: Guest, timeout: float = 10.0) -> list[tuple[int, int]]:
    """The machine's ticks: number and seconds since the epoch. :param timeout: seconds."""
    with urllib.request.urlopen(f"{machine.url}/journal", timeout=timeout) as answer:
        lines = answer.read().decode().splitlines()
    return [(int(number), int(when)) for number, when in (line.split() for line in lines)]


def wait_healthy(machine: Guest) -> None:
    """:raises RetryableError: it does not answer well in time."""
    wait_until(
        f"the machine {machine.name} answers at {machine.url}",
        lambda: (health(machine) or {}).get("status") == "ok",
        deadline=BOOT_SECONDS,
        interval=0.5,
    )
