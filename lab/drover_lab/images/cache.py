"""Disk images are built once: kept under a name that is the digest of everything that went into them."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

from drover_lab import kernel, state
from drover_lab.guests import Guest
from drover_lab.images import disks, initramfs, listing
from drover_lab.slots import production

Say = Callable[[str], None]


def folder() -> Path:
    return state.CACHE / "guests"


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Waits until no other lab builds."""
    state.CACHE.mkdir(parents=True, exist_ok=True)
    with open(state.CACHE / "lock", "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def images(guest: Guest, slot: int, say: Say) -> dict[str, Path]:
    """The pristine images of a guest by disk name; built now unless they were before."""
    place = _place(guest, slot, say)
    return {disk.name: place / guest.image_name(disk) for disk in guest.spec.disks}


def seeded(guest: Guest, slot: int) -> listing.Listing:
    """Every file that was put on a guest's disks when they were built, by the guest's own path."""
    return listing.read(_place(guest, slot, lambda _: None), guest)


def _place(guest: Guest, slot: int, say: Say) -> Path:
    with alone():
        if kernel.find() is None:
            say("Downloading the kernel that the machines boot.")
        linux = kernel.ensure()
        place = folder() / f"{guest.name}-{slot}-{_digest(guest, linux)}"
        if not (place / "done").exists():
            say(f"Building the disks of {guest.name}.")
            _forget_older(guest, slot)
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            _build(guest, linux, place, production(slot).prefixlen)
            (place / "done").write_text("")
    return place


def forget(slot: int) -> None:
    """Drops what was built for one slot's addresses; does nothing where nothing was."""
    for place in folder().glob(f"*-{slot}-*"):
        shutil.rmtree(place, ignore_errors=True)


def copy(source: Path, target: Path) -> None:
    """A sparse copy that a reader sees whole or not at all."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(source), str(draft)], check=True)
    os.replace(draft, target)


def _build(guest: Guest, linux: kernel.Kernel, place: Path, prefix: int) -> None:
    archive = place / "initrd.gz"
    initramfs.build(linux, archive)
    boot = disks.BootFiles(linux.image, archive)
    for disk in guest.spec.disks:
        disks.build(guest, disk, boot, place / guest.image_name(disk), prefix)
    archive.unlink()


def _forget_older(guest: Guest, slot: int) -> None:
    for place in folder().glob(f"{guest.name}-{slot}-*"):
        shutil.rmtree(place, ignore_errors=True)


def _digest(guest: Guest, linux: kernel.Kernel) -> str:
    """Of the guest's description, the kernel's release, busybox and the builder's own source."""
    digest = hashlib.sha256(f"{guest!r} {linux.image}".encode())
    digest.update(initramfs.busybox().read_bytes())
    for source in sorted(files("drover_lab.images").iterdir(), key=lambda item: item.name):
        if source.name.endswith((".py", ".sh")):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
