"""What tells one state of a disk from another, asked of the host's own `stat`."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from drover.hypervisors.libvirt.disks import _version
from drover.model import Disk, DiskFormat


class Ssh:
    """The host is this machine."""

    def check(self, argv: list[str]) -> bytes:
        return subprocess.run(argv, check=True, capture_output=True).stdout


def version(path: Path) -> str:
    connection: Any = SimpleNamespace(ssh=Ssh())
    return _version(connection, Disk("vda", str(path), None, DiskFormat.RAW, 1, 1, "virtio"))


def test_an_image_has_another_version_once_it_was_written(tmp_path: Path) -> None:
    image, link = tmp_path / "web.raw", tmp_path / "link"
    image.write_bytes(bytes(512))
    link.symlink_to(image)
    before = version(image)
    assert before == version(link) != ""

    image.write_bytes(bytes(1024))

    assert version(link) == version(image) != before


def test_of_a_device_nobody_can_tell_when_it_was_written() -> None:
    """A machine's QEMU writes through a device node of its own: the host's says nothing of it."""
    assert version(Path("/dev/null")) == ""
