"""The lab's machines on their hosts: brought to life, brought back to how they were at first."""

import json
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drover_lab import host, kvm
from drover_lab.definitions import domain
from drover_lab.guests import Guest, guest
from drover_lab.hyperv import lab_machines as hyperv
from drover_lab.images import cache
from drover_lab.process import wait_until
from drover_lab.topology import HYPERV, VSPHERE, LabHost, Topology
from drover_lab.vcenter import machines as vcenter
from drover_lab.virsh import autostarts, create, undefine, virsh
from drover_lab.virsh import states as libvirt_states

BOOT_SECONDS = 180.0
# Names that need no quoting for virsh; nothing in the lab makes others.
NAME = re.compile(r"[A-Za-z0-9._-]+")


def all_states(lab: Topology) -> dict[str, dict[str, str]]:
    """Host name -> machine name -> state. A host that does not run has none."""
    return {where.name: states(lab, where) if host.is_running(where) else {} for where in lab.hosts}


def states(lab: Topology, where: LabHost) -> dict[str, str]:
    """Machine name -> state, on one host that runs."""
    if where.kind == VSPHERE:
        return vcenter.states(where)
    return hyperv.states(lab, where) if where.kind == HYPERV else libvirt_states(lab, where)


def ensure(lab: Topology, say: cache.Say) -> None:
    """Every machine is somewhere: one that is nowhere is made, one that is off everywhere is started at home.

    A machine that was moved stays where it is; of two definitions, that one counts which starts with its host.
    """
    if not lab.state.guests:
        return
    known = all_states(lab)
    missing = [name for name in lab.state.guests if not any(name in found for found in known.values())]
    for name in missing:
        say(f"Making the machine {name}.")
        restore(lab, [name], say)
    for name in set(lab.state.guests) - set(missing):
        where = [place for place, found in known.items() if name in found]
        if all(known[place][name] == "off" for place in where):
            _start_again(lab, name, where, say)


def _start_again(lab: Topology, name: str, places: list[str], say: cache.Say) -> None:
    automatic = [place for place in places if _starts_with(lab, lab.host(place), name)]
    chosen = automatic or places
    if len(chosen) == 1:
        say(f"Starting {name} on {chosen[0]}.")
        start(lab, lab.host(chosen[0]), name)
    else:
        say(f"{name} is off on {' and '.join(chosen)}; it stays so ('lab reset {name}' starts it afresh).")


def _starts_with(lab: Topology, where: LabHost, name: str) -> bool:
    if where.kind == VSPHERE:
        return False  # a vCenter of the lab has no memory
    return name in (hyperv.autostarts(lab, where) if where.kind == HYPERV else autostarts(lab, where))


def start(lab: Topology, where: LabHost, name: str) -> None:
    """Starts a machine that is off."""
    if where.kind == VSPHERE:
        vcenter.start(lab, where, name)
    elif where.kind == HYPERV:
        hyperv.start(lab, where, name)
    else:
        virsh(lab, where, "start", name)


def remove(lab: Topology, where: LabHost, names: Sequence[str]) -> None:
    """Ends machines on one host and removes them with their files; no matter if there are none."""
    if where.kind == VSPHERE:
        vcenter.remove(lab, where, names)
    elif where.kind == HYPERV:
        hyperv.remove(lab, where, names)
    else:
        undefine(lab, where, list(names))
        for name in names:
            _remove_files(where, guest(lab, name))


def restore(lab: Topology, names: Sequence[str], say: cache.Say = lambda _: None, at: LabHost | None = None) -> None:
    """Removes machines from all hosts and starts them with their first disks. Does not wait for their boot.

    :param at: the host that they start on, in place of their home.
    """
    for where in lab.hosts:
        remove(lab, where, names)
    for machine in [guest(lab, name) for name in names]:
        _make(lab, at or lab.host(machine.spec.home), machine, cache.images(machine, lab.state.slot, say))


def _make(lab: Topology, home: LabHost, machine: Guest, pristine: dict[str, Path]) -> None:
    if home.kind == VSPHERE:
        vcenter.create(lab, home, machine, pristine)
    elif home.kind == HYPERV:
        hyperv.create(lab, home, machine, pristine)
    else:
        for disk in machine.spec.disks:
            cache.copy(pristine[disk.name], _images(home) / machine.image_name(disk))
        create(lab, home, machine.name, domain(machine, kvm.domain_type(), lab.state.name))


def clear(lab: Topology) -> None:
    """Removes every machine from all hosts, also those that others made, and every file from their pools."""
    for where in lab.vcenters:
        vcenter.clear(lab, where)
    for where in lab.hyperv_hosts:
        hyperv.clear(lab, where)
    for where in lab.kvm_hosts:
        undefine(lab, where, [name for name in libvirt_states(lab, where) if NAME.fullmatch(name)])
        for path in _images(where).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        host.ssh(lab, where, ["find", "/var/lib/libvirt/small", "-mindepth", "1", "-delete"])


def _images(where: LabHost) -> Path:
    return where.folder / "var-lib-libvirt/images"


def _remove_files(where: LabHost, machine: Guest) -> None:
    """Its images and NVRAM, what lies beside them (`web.qcow2.*`), and what waves made of it (`web-vda.qcow2`)."""
    for path in _images(where).glob(f"{machine.name}-*"):
        path.unlink()
    for disk in machine.spec.disks:
        for path in _images(where).glob(f"{machine.image_name(disk)}*"):
            path.unlink()
    (where.folder / "var-lib-libvirt/qemu/nvram" / f"{machine.name}_VARS.fd").unlink(missing_ok=True)


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
