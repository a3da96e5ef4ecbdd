"""What the host's qemu-img says of images and what lies in NVRAM files: one command for any number of them."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from drover.hypervisors.libvirt.ssh import Ssh

# The format is given, never probed: a guest can write a qcow2 header into its raw disk and name any file as backing.
_INFO = """
while [ $# -gt 0 ]; do
  qemu-img info --force-share --output=json --backing-chain -f "$1" -- "$2" 2>/dev/null || printf '[]'
  printf '\\036'; shift 2
done
"""
_NVRAM = 'for f do if [ -f "$f" ]; then gzip -c -- "$f" | base64 -w0; fi; echo; done'


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """:param size: what the guest sees, bytes. :param allocated: bytes on the host, the whole chain."""

    size: int
    allocated: int
    backing: str | None


def image_infos(ssh: Ssh, images: Sequence[tuple[str, str]]) -> list[ImageInfo | None]:
    """For each (format, path): what its image is like, None where it cannot be read."""
    return [_info(chain) for chain in _read(ssh, images)]


def image_chains(ssh: Ssh, images: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """For each (format, path): its file and every one that it lies upon; nothing where one of them cannot be read."""
    return [tuple(str(image["filename"]) for image in chain) for chain in _read(ssh, images)]


def _read(ssh: Ssh, images: Sequence[tuple[str, str]]) -> list[list[dict[str, object]]]:
    if not images:
        return []
    argv = [part for image in images for part in image]
    out = ssh.check(["sh", "-c", _INFO, "sh", *argv]).decode()
    return [json.loads(part) for part in out.split("\x1e")[: len(images)]]


def _info(chain: list[dict[str, object]]) -> ImageInfo | None:
    if not chain:
        return None
    top = chain[0]
    backing = top.get("full-backing-filename") or top.get("backing-filename")
    return ImageInfo(
        size=int(str(top["virtual-size"])),
        allocated=sum(int(str(image.get("actual-size", 0))) for image in chain),
        backing=str(backing) if backing else None,
    )


def read_nvram(ssh: Ssh, paths: Sequence[str]) -> list[str | None]:
    """For each path: the file's content, gzipped, in base64; None where there is no such file."""
    if not paths:
        return []
    out = ssh.check(["sh", "-c", _NVRAM, "sh", *paths]).decode().split("\n")
    return [line or None for line in out[: len(paths)]]


def unpack_nvram(text: str) -> bytes:
    """The opposite of what `read_nvram` gives."""
    import gzip

    return gzip.decompress(base64.b64decode(text))
