"""The end of a move: the machine stands in the other host's list and no more in this one's."""

import contextlib
from collections.abc import Callable

from drover_lab.hyperv.world.paths import local
from drover_lab.hyperv.world.store import Host, State, world

# What the other host has its own of; the rest is as it is here at that moment.
_PLACES = ("disks", "adapters", "folder")


def hand_over(here: Host, there: Host, arrived: State, possible: Callable[[], None]) -> None:
    """Nobody sees it twice, or not at all. :param possible: raises where it is too late for that."""
    with world(there.folder) as found:
        possible()
        machine = found["hosts"][here.name]["machines"].pop(arrived["id"])
        for drive in arrived["disks"]:
            drive.pop("raw", None)
            drive.pop("like", None)
        found["hosts"][there.name]["machines"][arrived["id"]] = machine | {name: arrived[name] for name in _PLACES}
        folder = local(there, arrived["folder"]) / "Virtual Machines"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{arrived['id'].upper()}.vmcx").write_text("simulated\n")


def settled(here: Host, left: State) -> None:
    """The host that it left keeps nothing of it. Folders stay, as Hyper-V leaves them."""
    for drive in left["disks"]:
        local(here, drive["path"]).unlink(missing_ok=True)
    folder = local(here, left["folder"]) / "Virtual Machines"
    (folder / f"{left['id'].upper()}.vmcx").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
    variables = here.folder / here.name / f"{left['id']}.nvram"
    variables.unlink(missing_ok=True)
