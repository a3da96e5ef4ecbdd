"""The Linux kernel that the guests, and libguestfs, boot: downloaded and unpacked, never installed."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from drover.errors import OperatorNeededError
from drover_lab import state
from drover_lab.process import output, run

# Debian's and Ubuntu's kernel for virtual machines; each is an empty package that depends on the real one.
META_PACKAGES = ("linux-image-cloud-amd64", "linux-image-virtual")


@dataclass(frozen=True, slots=True)
class Kernel:
    """:param modules: the folder that holds `kernel/` and `modules.dep`; its name is the kernel's release."""

    image: Path
    modules: Path

    @property
    def release(self) -> str:
        return self.modules.name


def folder() -> Path:
    return state.CACHE / "kernel"


def find() -> Kernel | None:
    """The newest kernel that was unpacked, if any was."""
    found = sorted((path for path in folder().glob("*/done") if path.is_file()), key=lambda path: path.stat().st_mtime)
    return _kernel_in(found[-1].parent) if found else None


def ensure() -> Kernel:
    """The kernel: the one unpacked before, or else downloaded with apt now.

    :raises OperatorNeededError: apt knows no such kernel, or cannot fetch it.
    """
    known = find()
    if known is not None:
        return known
    package = _package()
    place = folder() / package
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name in (package, *_companions(package)):
        _download(name, place)
    for archive in place.glob("*.deb"):
        run(["dpkg", "-x", str(archive), str(place)])
        archive.unlink()
    kernel = _kernel_in(place)
    run(["depmod", "-b", str(kernel.modules.parents[2]), kernel.release])
    (place / "done").write_text("")
    return kernel


def _package() -> str:
    for meta in META_PACKAGES:
        for name in _dependencies(meta):
            if name.startswith("linux-image-") and name[len("linux-image-")].isdigit():
                return name
    raise OperatorNeededError(
        f"apt knows neither {' nor '.join(META_PACKAGES)}.", remedy="Run 'apt-get update', then try again."
    )


def _dependencies(package: str) -> list[str]:
    lines = run(["apt-cache", "depends", package], check=False).stdout.decode().splitlines()
    return [line.split("Depends:")[1].strip() for line in lines if "Depends:" in line and "<" not in line]


def _companions(package: str) -> list[str]:
    """Ubuntu keeps the modules in a package of their own."""
    return [name for name in _dependencies(package) if name.startswith("linux-modules-")]


def _download(package: str, place: Path) -> None:
    # apt drops its rights for a download, and says so with a warning where it cannot; as root for root is meant here.
    command = ["env", "-C", str(place), "apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package]
    try:
        output(command, timeout=600.0)
    except OperatorNeededError as error:
        raise OperatorNeededError(
            f"The package {package} could not be downloaded: {error.message}",
            remedy="See that this machine reaches its package mirror ('apt-get update'), then try again.",
        ) from None


def _kernel_in(place: Path) -> Kernel:
    images = sorted(place.glob("boot/vmlinuz-*"))
    modules = sorted(path for pattern in ("lib/modules/*", "usr/lib/modules/*") for path in place.glob(pattern))
    if not images or not modules:
        raise OperatorNeededError(
            f"The kernel package in {place} holds no kernel or no modules.",
            remedy=f"Remove the folder {os.fspath(place)} and try again.",
        )
    return Kernel(images[0], modules[0])
