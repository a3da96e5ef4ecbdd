"""The target's hypervisor does not know the guest's system."""

import re
from collections.abc import Iterator

from drover.concerns.finding import information, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "guest.system"
WAIVABLE = False

_LABEL = "Guest system not known at the target"
_LINUX = (
    r"linux|debian|ubuntu|mint|centos|fedora|suse|sles|red ?hat|rhel|rocky|alma|gentoo|arch|alpine|amazon|amzn|photon"
    r"|mageia|mandr|oracle|slackware|coreos|flatcar|turbolinux|asianux|alse|almalinux"
)
# How platforms call a family of systems, and the kinds of hypervisor whose maker says that it runs there.
_FAMILIES = (
    (r"^win|windows", ("libvirt", "vsphere", "hyperv")),
    # Before Linux, which Oracle makes too.
    (r"solaris|sunos|illumos", ("libvirt", "vsphere")),
    (rf"\b(?:{_LINUX})|linux", ("libvirt", "vsphere", "hyperv")),
    (r"freebsd", ("libvirt", "vsphere", "hyperv")),
    (r"openbsd|netbsd", ("libvirt",)),
    (r"darwin|mac ?os|os ?x\b|netware|os/2|ms-?dos", ("vsphere",)),
)


def check(p: Preflight) -> Iterator[Concern]:
    """Between hosts of one kind nothing changes for the guest."""
    if p.source is None or not p.to_another_kind:
        return
    system, there = p.source.guest_os, p.target_host.hypervisor
    if system is None:
        yield information(
            ID,
            "Guest system not told",
            found=f"{p.source_host.name} does not say which system runs in machine '{p.plan.name}'.",
            why=f"Whether {there} is made for it was not compared; its drivers and its clock may be set for another.",
            do="See what runs in it; the trial boot shows whether it starts.",
        )
    elif there not in _known_to(system):
        yield warning(
            ID,
            _LABEL,
            found=f"Machine '{p.plan.name}' runs {system}, and {there} is not made for that system.",
            why="It may lack drivers for the target's disks and adapters, and nobody there would help with it.",
            do="Rehearse the move, and have the application checked before the cutover.",
        )


def _known_to(system: str) -> tuple[str, ...]:
    return next((kinds for words, kinds in _FAMILIES if re.search(words, system.lower())), ())
