"""A lab: two sites, hosts at each, machines on them. Up, down, status, and what tests and the demo ask of it."""

import contextlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from drover_lab import guests, host, identity, jump, keys, kvm, machines, network, preconditions, slots, state, virsh
from drover_lab.guests import Guest
from drover_lab.hyperv import lab_host as hyperv
from drover_lab.images import cache
from drover_lab.images.cache import Say
from drover_lab.state import LabState
from drover_lab.topology import HYPERV, HYPERVISORS, LIBVIRT, VSPHERE, LabHost, Topology, kind_of
from drover_lab.vcenter import control
from drover_lab.vcenter.host import LOGIN as VCENTER_LOGIN

DEFAULT_LINK_RATE = "800mbit"


def _silent(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Lab:
    topology: Topology

    @classmethod
    def load(cls, name: str = slots.DEFAULT_NAME) -> "Lab":
        """A lab that is up, or was begun. :raises BadInputError: there is none of that name."""
        return cls(Topology(LabState.load(slots.check_name(name))))

    @property
    def name(self) -> str:
        return self.topology.state.name

    @property
    def hosts(self) -> tuple[LabHost, ...]:
        return self.topology.hosts

    @property
    def machines(self) -> dict[str, Guest]:
        """The machines that this lab was given, by name."""
        return {name: guests.guest(self.topology, name) for name in self.topology.state.guests}

    def connection(self, name: str) -> dict[str, Any]:
        """The Airflow connection of a host; as JSON it may stand in `AIRFLOW_CONN_<ID>`."""
        where = self.topology.host(name)
        if where.kind == VSPHERE:
            return self._vcenter_connection(where)
        if where.kind == HYPERV:
            return hyperv.connection(self.topology, where)
        return {
            "id": where.connection_id,
            "conn_type": LIBVIRT,
            "host": where.address,
            "login": "root",
            "port": 22,
            "extra": {
                "private_key_file": str(keys.controller_key(self.topology)),
                "known_hosts_file": str(keys.known_hosts(self.topology)),
                "peer_uri": f"qemu+ssh://root@{where.address}/system",
                "uri_path": "/system",
            },
        }

    def _vcenter_connection(self, where: LabHost) -> dict[str, Any]:
        return {
            "id": where.connection_id,
            "conn_type": VSPHERE,
            "host": where.address,
            "login": VCENTER_LOGIN,
            "password": identity.password(self.topology, where),
            "port": 443,
            "extra": {
                "ca_file": str(identity.authority(self.topology)),
                "datacenter": f"site-{where.site}",
                "compute": f"cluster-{where.site}",
                **jump.fields(self.topology, where),
            },
        }

    def ask_vcenter(self, name: str, what: str, **details: object) -> Any:
        """What no vCenter offers, over the lab's back door: `faults`, `delay`, `end-sessions`..."""
        return control.ask(self.topology.host(name), what, **details)

    def ask_hyperv(self, name: str, order: str, **values: object) -> dict[str, Any]:
        """What no Hyper-V host offers: its open shells, what goes wrong on purpose, a reboot."""
        return hyperv.ask(self.topology, self.topology.host(name), order, **values)

    def ssh_command(self, name: str) -> list[str]:
        """The ssh command line that logs in on a host as root; append what to run there, quoted for a shell."""
        return host.ssh_command(self.topology, self.topology.host(name))

    def run(self, name: str, command: list[str], *, check: bool = True) -> str:
        """What a command prints on a host. :raises OperatorNeededError: it failed, unless `check` is false."""
        return host.ssh(self.topology, self.topology.host(name), command, check=check).stdout.decode()

    def virsh(self, name: str, *arguments: str, check: bool = True) -> str:
        return virsh.virsh(self.topology, self.topology.host(name), *arguments, check=check)

    def states(self) -> dict[str, dict[str, str]]:
        """Host name -> machine name -> `running`, `paused`, `off` or `other`."""
        return machines.all_states(self.topology)

    def health(self, machine: str) -> dict[str, Any] | None:
        return machines.health(self.machines[machine])

    def journal(self, machine: str) -> list[tuple[int, int]]:
        return machines.journal(self.machines[machine])

    def wait_healthy(self, machine: str) -> None:
        machines.wait_healthy(self.machines[machine])

    def remove(self, name: str, machine: str) -> None:
        """Ends a machine on one host and removes it there with its files; no matter if it is not there."""
        machines.remove(self.topology, self.topology.host(name), [machine])

    def reset(self, machine: str) -> None:
        """The machine as it was at first, running at home and nowhere else; returns when it is healthy."""
        self.reset_all([machine])

    def place(self, machine: str, name: str) -> None:
        """The machine as it was at first, running on this host and nowhere else; returns when it is healthy."""
        machines.restore(self.topology, [machine], at=self.topology.host(name))
        self.wait_healthy(machine)

    def reset_all(self, names: Iterable[str] | None = None) -> None:
        """Several machines as they were at first; they boot at the same time.

        :param names: None for the whole lab: then also machines and files that others put on its hosts are removed.
        """
        chosen = list(self.machines if names is None else names)
        if names is None:
            machines.clear(self.topology)
        machines.restore(self.topology, chosen)
        for name in chosen:
            self.wait_healthy(name)

    def stop_host(self, name: str) -> None:
        """Pulls a host's plug. `start_host` brings it back with what is on its disks."""
        host.stop(self.topology.host(name))

    def start_host(self, name: str) -> None:
        """Starts a host and waits until it answers; machines with autostart start with it."""
        where = self.topology.host(name)
        host.start(self.topology, where)
        host.wait_ready(self.topology, where)
        if where.kind == LIBVIRT:
            virsh.ensure_host(self.topology, where)

    def set_link_rate(self, rate: str) -> None:
        """Limits the line between the sites from now on. :param rate: as `tc` writes it, `100mbit`."""
        network.set_link_rate(self.topology, rate)


def up(
    name: str = slots.DEFAULT_NAME,
    *,
    link_rate: str | None = None,
    machine_names: tuple[str, ...] | None = None,
    hypervisors: tuple[str, ...] | None = None,
    say: Say = _silent,
) -> Lab:
    """Builds what is missing of a lab, whatever an earlier, killed or crashed `up` left; returns when all is up.

    :param link_rate: of the line between the sites, as `tc` writes it; None: as it was, or the default.
    :param machine_names: which machines the lab is given, None: as it was, or all.
    :param hypervisors: which kinds of hosts; None: as it was, or those that the machines need, KVM in any case.
    """
    slots.check_name(name)
    network.bits_per_second(link_rate or DEFAULT_LINK_RATE)
    for machine in machine_names or ():
        guests.spec(machine)
    preconditions.check()
    with state.locked(name):
        known = LabState.find(name)
        rate = link_rate or (known.link_rate if known else DEFAULT_LINK_RATE)
        wanted = machine_names if machine_names is not None else (known.guests if known else guests.NAMES)
        settings = LabState(name, slots.claim(name), rate, wanted, _kinds(hypervisors, known, wanted))
        lab = Lab(Topology(settings))
        settings.save()
        say(f"Lab '{name}': hosts in {slots.management(settings.slot)}, machines in {slots.production(settings.slot)}.")
        kvm.works(say)
        _up_hosts(lab, say)
        machines.ensure(lab.topology, say)
        _await_machines(lab, say)
        return lab


def _kinds(asked: tuple[str, ...] | None, known: LabState | None, machine_names: tuple[str, ...]) -> tuple[str, ...]:
    needed = {LIBVIRT} | {kind_of(guests.spec(name).home) for name in machine_names}
    needed |= set(asked or ()) | set(known.hypervisors if known else ())
    return tuple(kind for kind in HYPERVISORS if kind in needed)


def _up_hosts(lab: Lab, say: Say) -> None:
    say(f"Laying the network; the line between the sites carries {lab.topology.state.link_rate}.")
    network.ensure(lab.topology)
    keys.ensure(lab.topology)
    for where in lab.hosts:
        say(f"{where.name} {'runs' if host.is_running(where) else 'starts'} ({where.address}).")
        host.start(lab.topology, where)
    for where in lab.hosts:
        host.wait_ready(lab.topology, where)
    for where in lab.topology.kvm_hosts:
        virsh.ensure_host(lab.topology, where)


def _await_machines(lab: Lab, say: Say) -> None:
    if not lab.machines:
        return
    running = {name for found in lab.states().values() for name, what in found.items() if what == "running"}
    for name in lab.machines:
        if name in running:
            lab.wait_healthy(name)
            say(f"{name} answers at {lab.machines[name].url}.")


def down(name: str = slots.DEFAULT_NAME, *, say: Say = _silent) -> None:
    """Ends a lab and removes everything of it but the guests' build cache; also what is left of half a lab."""
    slots.check_name(name)
    preconditions.check_root()
    slot = slots.find(name)
    known = LabState.find(name)
    if slot is None and known is None and not (state.labs_folder() / name).exists():
        say(f"There is no lab '{name}'.")
        return
    with state.locked(name):
        settings = known or LabState(name, slot if slot is not None else 0, DEFAULT_LINK_RATE, (), HYPERVISORS)
        topology = Topology(settings)
        for where in topology.hosts:
            say(f"Stopping {where.name}.")
            host.stop(where)
        say("Removing the network.")
        if slot is not None:
            network.remove(topology)
            # Building is quick; only the default lab's images are kept for the next time.
            if name != slots.DEFAULT_NAME:
                cache.forget(slot)
        if settings.folder.exists():
            shutil.rmtree(settings.folder)
        slots.release(name)
    for folder in (state.labs_folder(), state.ROOT):
        with contextlib.suppress(OSError):
            folder.rmdir()
    say(f"Lab '{name}' is gone.")


def _reached_by(lab: Lab, where: LabHost) -> dict[str, Any]:
    """A password is no status: where there is one, its file is named."""
    connection = lab.connection(where.name)
    password = {"password_file": str(identity.password_file(lab.topology, where))} if "password" in connection else {}
    kept = {key: value for key, value in connection.items() if key not in ("id", "password")}
    return {"connection_id": connection["id"], "connection": kept, **password}


def status(name: str = slots.DEFAULT_NAME) -> dict[str, Any]:
    """What a lab is made of and how it is. :raises BadInputError: there is no such lab."""
    lab = Lab.load(name)
    states = lab.states()
    return {
        "name": lab.name,
        "link_rate": lab.topology.state.link_rate,
        "hosts": [
            {
                "name": where.name,
                "site": where.site,
                "hypervisor": where.kind,
                "address": where.address,
                "state": "running" if host.is_running(where) else "down",
                **_reached_by(lab, where),
            }
            for where in lab.hosts
        ],
        "machines": [
            {
                "name": machine,
                "host": where,
                "state": what,
                "address": lab.machines[machine].address,
                "mac": lab.machines[machine].mac,
            }
            for machine in lab.machines
            for where, found in states.items()
            for what in ([found[machine]] if machine in found else [])
        ],
    }
