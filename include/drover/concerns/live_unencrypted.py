"""A live move whose bytes cross the network for anyone to read."""

from collections.abc import Iterator

from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "live.unencrypted"
WAIVABLE = False

_LABEL = "Live move is not encrypted"


def check(p: Preflight) -> Iterator[Concern]:
    """The hosts' own move goes from QEMU to QEMU, beside Drover's SSH connections; the target's connection says how."""
    target = p.wave.target_of(p.plan)
    spec = p.connections.get(target)
    if p.plan.strategy is not Strategy.LIVE or spec is None:
        return
    if spec.kind == "hyperv":
        yield _hyperv(p.plan.name)
    if spec.kind != "libvirt":
        return
    value = spec.extra.get("migrate_tls", False)
    encrypted = {"true": True, "false": False}.get(str(value).lower())
    if encrypted is None:
        yield unknown(
            ID,
            _LABEL,
            what=f"whether live moves over the connection '{target}' are encrypted",
            do="Set migrate_tls in its extra to true or false.",
        )
    elif not encrypted:
        yield warning(
            ID,
            _LABEL,
            found=f"Machine '{p.plan.name}' moves live, and the connection '{target}' does not set migrate_tls.",
            why="Its memory and its disks cross the network in plain: whoever stands in between can read and change "
            "them.",
            do="Give both hosts libvirt's migration certificates and set migrate_tls to true, or move it 'cold', which "
            "goes through SSH.",
        )


def _hyperv(name: str) -> Concern:
    return warning(
        ID,
        _LABEL,
        found=f"Machine '{name}' moves live, and Hyper-V does not encrypt what goes from host to host for that.",
        why="Unless the hosts were set up otherwise, its memory and its disks cross the network in plain: whoever "
        "stands in between can read and change them.",
        do="Keep it on a network of its own (Add-VMMigrationNetwork) or set up IPsec between the hosts; or move it "
        "'cold', whose bytes go through encrypted SMB.",
    )
