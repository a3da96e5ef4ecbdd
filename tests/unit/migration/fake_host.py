"""A hypervisor host for tests of the stages: it fulfils the port over raw image files in a folder.

Its disks are real (served by qemu-nbd); its power is a word. `break_at` makes a call fail once, as a host would.
"""

import dataclasses
import io
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import serve_image
from drover.errors import BadInputError, OperatorNeededError, RetryableError
from drover.evidence.files import safe_name
from drover.hypervisors.port import TargetSettings, Trial
from drover.model import (
    Cpu,
    Disk,
    DiskFormat,
    Firmware,
    Host,
    Network,
    Nic,
    Ownership,
    PowerState,
    StoragePool,
    VirtualMachine,
)

MIB = 1024 * 1024


class Killed(BaseException):
    """The worker's process ended here: nothing that catches errors may catch it."""


class Killer:
    """Ends the worker at the n-th call to any host that shares it; 0 for never."""

    def __init__(self) -> None:
        self.seen = 0
        self.at = 0

    def count(self) -> None:
        self.seen += 1
        if self.seen == self.at:
            raise Killed


class Answer(io.BytesIO):
    """A stream to a guest whose HTTP server says that all is well."""

    def __init__(self, body: bytes = b'{"status":"ok"}') -> None:
        super().__init__(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)

    def sendall(self, data: bytes) -> None:
        """The request is not looked at."""

    def recv(self, count: int) -> bytes:
        return self.read(count)


READ = "drover read"  # what a killed read leaves of a machine that runs


class FakeHost:
    kind = "libvirt"

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.folder.mkdir(parents=True)
        self.known: dict[str, VirtualMachine] = {}
        self.calls: list[str] = []
        self.started: list[str] = []
        self.broken: dict[str, Exception] = {}
        self.gone = False
        # Its own names of disks by place, as another kind of hypervisor has; None keeps the names given.
        self.disk_names: str | None = None
        self.trials = 0
        self.killer = Killer()

    # For tests

    def break_at(self, call: str, error: Exception) -> None:
        self.broken[call] = error

    def add(self, name: str, contents: Mapping[str, bytes], state: PowerState = PowerState.RUNNING) -> VirtualMachine:
        disks = []
        for disk, data in contents.items():
            path = self.folder / f"{name}-{safe_name(disk)}.raw"
            path.write_bytes(data)
            disks.append(Disk(disk, str(path), "default", DiskFormat.RAW, len(data), len(data), "virtio"))
        machine = VirtualMachine(
            name=name,
            uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
            hypervisor=self.kind,
            host=self.name,
            state=state,
            cpu=Cpu(count=1),
            memory=192 * MIB,
            firmware=Firmware.BIOS,
            disks=tuple(disks),
            nics=(Nic("52:54:00:00:00:01", "production", "virtio"),),
            autostart=True,
            machine_type="q35",
            native=f"<domain><name>{name}</name></domain>",
        )
        self.known[name] = machine
        return machine

    def state(self, name: str) -> PowerState | None:
        return self.known[name].state if name in self.known else None

    def change(self, name: str, **changes: object) -> None:
        self.known[name] = dataclasses.replace(self.known[name], **changes)  # type: ignore[arg-type]

    def _enter(self, call: str) -> None:
        if self.gone:
            raise RetryableError(f"The host {self.name} does not answer.", remedy="Look at it.")
        self.calls.append(call)
        self.killer.count()
        if error := self.broken.pop(call, None):
            raise error

    # The port

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held."""

    def host(self) -> Host:
        import time

        self._enter("host")
        return Host(
            self.name, self.kind, "9.0.0", 8, "model", 64 * 1024 * MIB, 32 * 1024 * MIB, time.time(), ("q35",),
            (Firmware.BIOS, Firmware.UEFI),
        )  # fmt: skip

    def hosts(self) -> list[Host]:
        return [self.host()]

    def machines(self) -> list[VirtualMachine]:
        self._enter("machines")
        return list(self.known.values())

    def machine(self, name: str) -> VirtualMachine:
        if (found := self.find(name)) is None:
            raise BadInputError(f"There is no machine '{name}' on {self.name}.", remedy="Look at its name.")
        return found

    def find(self, name: str) -> VirtualMachine | None:
        self._enter("find")
        return self.known.get(name)

    def networks(self) -> list[Network]:
        return [Network("production", True, "br0"), Network("isolated", True, "br1", isolated=True)]

    def pools(self) -> list[StoragePool]:
        return [StoragePool("default", str(self.folder), True, 1024**4, 1024**4)]

    def power_state(self, name: str) -> PowerState:
        self._enter("power_state")
        return self.machine(name).state

    def power_on(self, name: str) -> None:
        self._enter("power_on")
        self.started.append(name)
        self.change(name, state=PowerState.RUNNING)

    def resume(self, name: str) -> None:
        self._enter("resume")
        self.change(name, state=PowerState.RUNNING)

    def shut_down(self, name: str, deadline: float) -> None:
        self._enter("shut_down")
        self.change(name, state=PowerState.OFF)

    def power_off(self, name: str) -> None:
        self._enter("power_off")
        self.change(name, state=PowerState.OFF)

    def set_autostart(self, name: str, enabled: bool) -> None:
        self._enter("set_autostart")
        self.change(name, autostart=enabled)

    @contextmanager
    def _serve(self, name: str, read_only: bool) -> Iterator[Mapping[str, Endpoint]]:
        with ExitStack() as stack:
            yield {
                disk.name: stack.enter_context(serve_image(Path(disk.path), format=DiskFormat.RAW, read_only=read_only))
                for disk in self.machine(name).disks
            }

    @contextmanager
    def read_disks(self, name: str) -> Iterator[Mapping[str, Endpoint]]:
        self._enter("read_disks")
        with self._serve(name, read_only=True) as disks:
            yield disks

    def release_disks(self, name: str) -> None:
        self._enter("release_disks")
        self.change(name, snapshots=tuple(one for one in self.machine(name).snapshots if one != READ))

    @contextmanager
    def write_disks(self, name: str, owner: Ownership) -> Iterator[Mapping[str, Endpoint]]:
        self._enter("write_disks")
        self._own(name, owner)
        with self._serve(name, read_only=False) as disks:
            yield disks

    def _own(self, name: str, owner: Ownership) -> None:
        tag = self.machine(name).ownership
        ours = tag is not None and tag.role == "target" and tag.source_uuid == owner.source_uuid
        if not ours or self.known[name].state is not PowerState.OFF:
            raise OperatorNeededError(f"Machine '{name}' is not this wave's, or it runs.", remedy="Leave it alone.")

    def define(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        self._enter("define")
        if (found := self.known.get(machine.name)) is not None:
            self._own(machine.name, settings.owner)
            return found
        made = self.translated(machine, settings)
        for disk in made.disks:
            path = Path(disk.path)
            path.touch()
            with path.open("r+b") as file:
                file.truncate(disk.size)
        self.known[machine.name] = made
        return made

    def translated(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        names = [disk.name for disk in machine.disks]
        if self.disk_names is not None:
            names = [self.disk_names.format(place) for place in range(len(names))]
        disks = (
            dataclasses.replace(disk, name=name, path=str(self.folder / f"{machine.name}-{safe_name(name)}.raw"))
            for name, disk in zip(names, machine.disks, strict=True)
        )
        return dataclasses.replace(
            machine,
            hypervisor=self.kind,
            host=settings.host or self.name,
            state=PowerState.OFF,
            autostart=False,
            disks=tuple(disks),
            ownership=settings.owner,
        )

    def remove(self, name: str, owner: Ownership) -> None:
        self._enter("remove")
        if name in self.known:
            self._own(name, owner)
            for disk in self.known.pop(name).disks:
                Path(disk.path).unlink()

    def tag(self, name: str, owner: Ownership) -> None:
        self._enter("tag")
        self.change(name, ownership=owner)

    @contextmanager
    def isolated_trial(self, name: str, network: str, owner: Ownership) -> Iterator[Trial]:
        self._enter("isolated_trial")
        self._own(name, owner)
        self.trials += 1
        try:
            yield Trial(f"{name}-drover-trial", lambda *_: Answer())
        finally:
            self.trials -= 1
