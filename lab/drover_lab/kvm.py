"""Whether KVM truly runs guests on this machine: found out by running one, with a deadline."""

import json
from pathlib import Path

from drover_lab import state
from drover_lab.process import boot_id, run, write_atomically

# A boot sector: writes to the port of isa-debug-exit, which ends qemu with (0x10 << 1) | 1.
_SECTOR = bytes.fromhex("b010e6f4f4ebfd").ljust(510, b"\0") + b"\x55\xaa"
_EXPECTED_EXIT = 0x21
# Seconds. With KVM that works it is a fraction of one; where it is itself emulated, a BIOS takes ten times as long
# as it does under plain emulation, if it comes through at all.
DEADLINE = 3


def works() -> bool:
    """The answer is kept until the machine boots anew."""
    path = state.CACHE / "kvm.json"
    try:
        known = json.loads(path.read_text())
        if known["boot"] == boot_id():
            return bool(known["works"])
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        pass  # nothing known: find out
    answer = _try(state.CACHE)
    write_atomically(path, json.dumps({"boot": boot_id(), "works": answer}))
    return answer


def domain_type() -> str:
    """What libvirt calls it."""
    return "kvm" if works() else "qemu"


def _try(folder: Path) -> bool:
    if not Path("/dev/kvm").exists():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    sector = folder / "kvm-probe.img"
    sector.write_bytes(_SECTOR.ljust(1024 * 1024, b"\0"))
    command = ["qemu-system-x86_64", "-accel", "kvm", "-machine", "q35", "-m", "32", "-nodefaults", "-display", "none"]
    command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-no-reboot"]
    command += ["-drive", f"file={sector},format=raw,if=none,id=disk,snapshot=on"]
    command += ["-device", "virtio-blk-pci,drive=disk,bootindex=1"]
    limited = ["timeout", "--signal=KILL", str(DEADLINE), *command]
    code = run(limited, check=False, timeout=DEADLINE + 20).returncode
    sector.unlink(missing_ok=True)
    return code == _EXPECTED_EXIT
