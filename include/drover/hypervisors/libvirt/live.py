"""Live moves: libvirt's peer-to-peer migration with storage copy.

The source's libvirtd drives the whole move, so it outlives whoever asked for it; all that is known of a move is read
back from the two hosts. The target is defined beforehand (off, tagged, with empty disks) and becomes the moved
machine when the move succeeds. The source stays defined, off, with its disks.
"""

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.libvirt import define, inventory, translate
from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.libvirt.errors import translate as translate_error
from drover.hypervisors.libvirt.power import state_of
from drover.hypervisors.port import LiveState, LiveStatus, TargetSettings
from drover.model import PowerState, VirtualMachine

if TYPE_CHECKING:
    import libvirt

_MIB = 1 << 20
_POLL = 0.2
_SEEN_DEADLINE = 120.0
_CANCEL_DEADLINE = 60.0


def start(
    source: Connection,
    target: Connection,
    name: str,
    settings: TargetSettings,
    *,
    bandwidth: int | None,
    paused: bool,
) -> None:
    """:raises OperatorNeededError: the machine does not run, or one of the hosts refuses the move."""
    if status(source, target, name).state in (LiveState.RUNNING, LiveState.DONE):
        return
    domain = source.domain(name)
    machine = inventory.read(source, [domain])[0]
    if machine.state is not PowerState.RUNNING:
        raise OperatorNeededError(
            f"Machine '{name}' on {source.name} is {machine.state.value}, so it cannot be moved live.",
            remedy="Start it, or give it the strategy 'cold'.",
        )
    made = define.define(target, machine, settings)
    if made.state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{name}' is {made.state.value} on {target.name} while it runs on {source.name}.",
            remedy="Switch it off at the target; the two must never both run.",
        )
    # Until the move succeeds the definition made above is the target's, and with it the role `target`.
    arriving = settings if paused else replace(settings, owner=replace(settings.owner, role="started"))
    _Move(source, target, domain, _parameters(target, domain, machine, arriving, bandwidth), paused).start()


def _parameters(
    target: Connection,
    domain: "libvirt.virDomain",
    machine: VirtualMachine,
    settings: TargetSettings,
    bandwidth: int | None,
) -> dict[str, Any]:
    import libvirt

    offer = define.survey(target)
    running = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE | libvirt.VIR_DOMAIN_XML_SECURE)
    parameters: dict[str, Any] = {
        libvirt.VIR_MIGRATE_PARAM_DEST_XML: translate.definition(replace(machine, native=running), settings, offer),
        libvirt.VIR_MIGRATE_PARAM_PERSIST_XML: translate.definition(machine, settings, offer),
    }
    if bandwidth is not None:
        # libvirt limits each disk's copy by itself; together they are to stay within the limit.
        parameters[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH] = max(1, bandwidth // _MIB // max(1, len(machine.disks)))
    if target.spec.extra.get("migrate_uri"):
        parameters[libvirt.VIR_MIGRATE_PARAM_URI] = str(target.spec.extra["migrate_uri"])
    return parameters


def peer_uri(target: Connection) -> str:
    """Where the source host finds the target's libvirt."""
    spec = target.spec
    if spec.extra.get("peer_uri"):
        return str(spec.extra["peer_uri"])
    login = f"{spec.login}@" if spec.login else ""
    port = f":{spec.port}" if spec.port and spec.port != 22 else ""
    return f"qemu+ssh://{login}{spec.host}{port}/system"


def _encrypted(target: Connection) -> bool:
    """Only an explicit true: both hosts need certificates for it. Without it a concern says so."""
    return str(target.spec.extra.get("migrate_tls", False)).lower() == "true"


class _Move:
    """One call of libvirt that lasts as long as the move, made where nobody waits for it."""

    def __init__(
        self,
        source: Connection,
        target: Connection,
        domain: "libvirt.virDomain",
        parameters: dict[str, Any],
        paused: bool,
    ) -> None:
        import libvirt

        self._source, self._domain, self._parameters = source, domain, parameters
        self._uri = peer_uri(target)
        self._name = domain.name()
        self._flags = (
            libvirt.VIR_MIGRATE_LIVE
            | libvirt.VIR_MIGRATE_PEER2PEER
            | libvirt.VIR_MIGRATE_NON_SHARED_DISK
            | libvirt.VIR_MIGRATE_PERSIST_DEST
            | libvirt.VIR_MIGRATE_AUTO_CONVERGE
            | (libvirt.VIR_MIGRATE_PAUSED if paused else 0)
            | (libvirt.VIR_MIGRATE_TLS if _encrypted(target) else 0)
        )
        self._error: Exception | None = None

    def start(self) -> None:
        """Returns once libvirt works on it or has finished. :raises OperatorNeededError: it refused."""
        # A connection of its own: calls on the shared one must not wait behind one that lasts minutes.
        own = self._source.open_libvirt()
        self._source.live_errors.pop(self._name, None)
        thread = threading.Thread(target=self._call, args=(own,), name=f"live move {self._name}", daemon=True)
        thread.start()
        until = time.monotonic() + _SEEN_DEADLINE
        while thread.is_alive():
            if _job(self._source, self._domain) is not None:
                return
            if time.monotonic() > until:
                raise RetryableError(
                    f"{self._source.name} did not begin to move machine '{self._name}'.", remedy="Try again."
                )
            thread.join(_POLL)
        if self._error is not None:
            raise translate_error(self._source.name, self._error) or self._error

    def _call(self, own: "libvirt.virConnect") -> None:
        import libvirt

        try:
            own.lookupByName(self._name).migrateToURI3(self._uri, self._parameters, self._flags)
        except libvirt.libvirtError as error:
            # Of an error after the start, `status` learns what the hosts know; this one is told if it is still here.
            self._error = error
            self._source.live_errors.setdefault(self._name, str(error.get_error_message()))


def status(source: Connection, target: Connection, name: str) -> LiveStatus:
    """What both hosts say of the move of `name`."""
    domain = source.domain(name)
    job = _job(source, domain)
    if job is not None:
        return _running(source, domain, job)
    with source.errors():
        here = state_of(domain)
        uuid = domain.UUIDString()
    if here is PowerState.RUNNING:
        return _not_moved(source, domain, name)
    there = target.find_domain(name)
    made = inventory.read(target, [there])[0] if there is not None else None
    tag = made.ownership if made is not None else None
    arrived = made is not None and made.state in (PowerState.RUNNING, PowerState.PAUSED)
    ours = tag is not None and tag.role in ("target", "started") and tag.source_uuid == uuid
    if here is PowerState.OFF and arrived and ours:
        return _done(source, domain, target, there)
    return LiveStatus(
        LiveState.FAILED,
        message=source.live_errors.get(name)
        or f"it is {here.value} on {source.name} and {made.state.value if made else 'not'} on {target.name}",
    )


def _running(source: Connection, domain: "libvirt.virDomain", job: dict[str, Any]) -> LiveStatus:
    """While the disks are copied libvirt does not count the memory yet; without it the end would seem near."""
    total = job.get("data_total", 0)
    if not job.get("memory_total"):
        with source.errors():
            total += domain.maxMemory() * 1024
    return LiveStatus(LiveState.RUNNING, done=job.get("data_processed", 0), total=total)


def _not_moved(source: Connection, domain: "libvirt.virDomain", name: str) -> LiveStatus:
    message = source.live_errors.get(name)
    if message is None:
        ended = _completed(source, domain)
        message = str(ended["errmsg"]) if ended.get("errmsg") else None
    if message is None:
        return LiveStatus(LiveState.ABSENT)
    return LiveStatus(LiveState.FAILED, message=message)


def _done(
    source: Connection, domain: "libvirt.virDomain", target: Connection, there: "libvirt.virDomain | None"
) -> LiveStatus:
    """The figures are kept by both hosts until one of them restarts; the source's have the storage in them."""
    figures = _completed(source, domain) or (_completed(target, there) if there is not None else {})
    downtime = figures.get("downtime")
    return LiveStatus(
        LiveState.DONE,
        done=figures.get("data_processed", 0),
        total=figures.get("data_total", 0),
        downtime=downtime / 1000 if downtime is not None else None,
    )


def _job(source: Connection, domain: "libvirt.virDomain") -> dict[str, Any] | None:
    """The migration job that runs; None where none does."""
    import libvirt

    with source.errors():
        try:
            found: dict[str, Any] = domain.jobStats(0)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID:
                return None  # It does not run.
            raise
    moving = found.get("operation") == libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT
    return found if moving and found.get("type", libvirt.VIR_DOMAIN_JOB_NONE) != libvirt.VIR_DOMAIN_JOB_NONE else None


def _completed(connection: Connection, domain: "libvirt.virDomain") -> dict[str, Any]:
    """What libvirt keeps of the last migration; empty where it keeps nothing."""
    import libvirt

    kinds = (libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN)
    flags = libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED | libvirt.VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED
    with connection.errors():
        try:
            found: dict[str, Any] = domain.jobStats(flags)
        except libvirt.libvirtError as error:
            if error.get_error_code() in (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_OPERATION_UNSUPPORTED):
                return {}
            raise
    return found if found.get("operation") in kinds else {}


def cancel(source: Connection, name: str) -> None:
    """Ends the move and waits until libvirt has put everything back."""
    import libvirt

    domain = source.domain(name)
    until = time.monotonic() + _CANCEL_DEADLINE
    while _job(source, domain) is not None:
        if time.monotonic() > until:
            raise RetryableError(
                f"The live move of machine '{name}' on {source.name} does not end.", remedy="Try again in a minute."
            )
        source.live_errors[name] = "it was cancelled"
        with source.errors():
            try:
                domain.abortJob()
            except libvirt.libvirtError:
                if _job(source, domain) is None:
                    return  # It ended by itself meanwhile.
        time.sleep(_POLL)
