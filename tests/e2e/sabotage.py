"""Ways to harm a disk at the target behind everyone's back: on its image file, at the host, with qemu's own tools.

Each writes down what it did, so that the test knows which bytes must be named.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.etree import ElementTree

from drover_lab.lab import Lab

CHUNK = 4 * 1024 * 1024
SECTOR = 512


class Image:
    """A disk image of a machine that is off. :param kind: as qemu names formats."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.kind = kind

    def raw(self) -> Path:
        """What the guest sees, as a sparse file beside the evidence of the sabotage."""
        copy = Path(os.environ["SABOTAGE_NOTE"]).with_suffix(f".{self.path.name}.raw")
        _run("qemu-img", "convert", "-f", self.kind, "-O", "raw", str(self.path), str(copy))
        return copy

    def write(self, offset: int, data: bytes) -> None:
        """Any content at any byte: qemu-io takes a file as its pattern."""
        pattern = Path(os.environ["SABOTAGE_NOTE"]).with_suffix(".pattern")
        pattern.write_bytes(data)
        _run("qemu-io", "-f", self.kind, "-c", f"write -s {pattern} {offset} {len(data)}", str(self.path))

    def replace(self, content: Path) -> None:
        _run("qemu-img", "convert", "-n", "-f", "raw", "-O", self.kind, str(content), str(self.path))

    def shrink(self, size: int) -> None:
        _run("qemu-img", "resize", "--shrink", "-f", self.kind, str(self.path), str(size))


def harm(lab_name: str, machine: str, how: str) -> None:
    """Harms the machine's disks at kvm-b and notes what was done."""
    images = images_of(Lab.load(lab_name), "kvm-b", machine)
    note = WAYS[how](images)
    Path(os.environ["SABOTAGE_NOTE"]).write_text(json.dumps(note))


def images_of(lab: Lab, host: str, machine: str) -> dict[str, Image]:
    root = ElementTree.fromstring(lab.virsh(host, "dumpxml", machine))
    folder = next(where.folder for where in lab.hosts if where.name == host) / "var-lib-libvirt" / "images"
    found = {}
    for disk in root.iterfind("devices/disk"):
        target, source, driver = disk.find("target"), disk.find("source"), disk.find("driver")
        assert target is not None
        assert source is not None
        assert driver is not None
        path = folder / Path(source.attrib["file"]).relative_to("/var/lib/libvirt/images")
        found[target.attrib["dev"]] = Image(path, driver.attrib["type"])
    return found


def _flip(images: Mapping[str, Image]) -> dict[str, object]:
    raw = images["vda"].raw().read_bytes()
    offset = _some_data(raw, SECTOR) + 77
    images["vda"].write(offset, bytes([raw[offset] ^ 0x01]))
    return {"disk": "vda", "offset": offset, "length": 1}


def _zero(images: Mapping[str, Image]) -> dict[str, object]:
    offset = _some_data(images["vdb"].raw().read_bytes(), SECTOR)
    images["vdb"].write(offset, bytes(SECTOR))
    return {"disk": "vdb", "offset": offset, "length": SECTOR}


def _swap(images: Mapping[str, Image]) -> dict[str, object]:
    raw = images["vdb"].raw().read_bytes()
    chunks = [raw[offset : offset + CHUNK] for offset in range(0, len(raw), CHUNK)]
    first = next(number for number, chunk in enumerate(chunks) if any(chunk))
    second = next(number for number in range(first + 1, len(chunks)) if any(chunks[number]))
    assert chunks[first] != chunks[second]
    images["vdb"].write(first * CHUNK, chunks[second])
    images["vdb"].write(second * CHUNK, chunks[first])
    return {"disk": "vdb", "offset": first * CHUNK, "length": CHUNK}


def _truncate(images: Mapping[str, Image]) -> dict[str, object]:
    size = len(images["vdb"].raw().read_bytes())
    images["vdb"].shrink(size - CHUNK)
    return {"disk": "vdb", "offset": size - CHUNK, "length": CHUNK}


def _exchange(images: Mapping[str, Image]) -> dict[str, object]:
    contents = {name: image.raw() for name, image in images.items()}
    images["vda"].replace(contents["vdb"])
    images["vdb"].replace(contents["vda"])
    # Nearly all of it differs, so what is named is wide.
    return {"disk": "vda", "offset": 0, "length": CHUNK, "widest": contents["vda"].stat().st_size}


def _some_data(raw: bytes, block: int) -> int:
    """The offset of a block in the second half of what is not all zeroes."""
    full = [offset for offset in range(0, len(raw), block) if raw[offset : offset + block].count(0) < block // 2]
    return full[len(full) * 3 // 4]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=300)


WAYS: dict[str, Callable[[Mapping[str, Image]], dict[str, object]]] = {
    "a byte flipped": _flip,
    "a sector zeroed": _zero,
    "two chunks swapped": _swap,
    "a disk truncated": _truncate,
    "two disks exchanged": _exchange,
}
