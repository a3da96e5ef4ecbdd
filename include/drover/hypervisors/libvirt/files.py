"""Names of files on the host, made from names of machines: safe, deterministic, one to one."""

import hashlib
from urllib.parse import quote

NVRAM_FOLDER = "/var/lib/libvirt/qemu/nvram"

# A file name has 255 bytes; what is put behind the name needs some.
_LONGEST = 180


def file_name(machine: str, disk: str | None = None) -> str:
    """`<machine>` or `<machine>-<disk>` with everything unusual percent-encoded, shortened by a digest where long."""
    name = quote(machine, safe=" ")
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 33]}-{hashlib.sha256(machine.encode()).hexdigest()[:32]}"
    return f"{name}-{quote(disk, safe='')}" if disk else name


def nvram_file(machine: str) -> str:
    """Where a machine's UEFI variables lie at its target."""
    return f"{NVRAM_FOLDER}/{file_name(machine)}_VARS.fd"
