"""The guest is a domain controller of Active Directory, or looks like one."""

import re
from collections.abc import Iterator

from drover.concerns.finding import information, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, VirtualMachine

ID = "guest.domain_controller"
WAIVABLE = False

_LABEL = "Domain controller"
# As people name them: dc01, site-a-dc2, PDC.
_NAMES = re.compile(r"(?<![a-z])(?:[pb]?dc|adds|addc)[-_ ]?\d{0,3}(?![a-z\d])", re.IGNORECASE)
# In notes, DC may well be a datacenter.
_NOTES = re.compile(r"domain[- ]?controller", re.IGNORECASE)
_SERVER = re.compile(r"server|win 2k", re.IGNORECASE)
_WHY = (
    "A directory that goes back in time, by a rollback or a restore, gives out numbers a second time, and the other "
    "controllers stop talking to it (USN rollback)."
)
_DO = (
    "Better promote a new one at the target and demote this one. Where it has to move: cold, never back after it ran "
    "at the target while others did, and with another controller running."
)


def check(p: Preflight) -> Iterator[Concern]:
    vm = p.source
    if vm is None or vm.domain_controller is False or _other_system(vm):
        return
    if vm.domain_controller:
        found = f"The guest of '{vm.name}' says that it is a domain controller."
        yield warning(ID, _LABEL, found=found, why=_WHY, do=_DO)
    elif sign := _NAMES.search(vm.name) or _NOTES.search(f"{vm.name} {vm.notes}"):
        found = f"Machine '{vm.name}' looks like a domain controller: its name or its notes say '{sign[0].strip()}'."
        yield warning(ID, f"{_LABEL}, perhaps", found=found, why=_WHY, do=f"See whether it is one. {_DO}")
    elif _SERVER.search(vm.guest_os or ""):
        found = f"Nobody could tell from outside whether '{vm.name}' ({vm.guest_os}) is a domain controller."
        yield information(ID, f"{_LABEL}, perhaps", found=found, why=_WHY, do=f"If it is one: {_DO}")


def _other_system(vm: VirtualMachine) -> bool:
    """Known to be no Windows. Samba's controllers count in the same way, but tell nobody."""
    system = (vm.guest_os or "").lower()
    return bool(system) and not system.startswith("win") and "windows" not in system
