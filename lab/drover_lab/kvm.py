"""Whether KVM truly runs guests on this machine: found out by booting Linux with it, under both firmwares."""

import json
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drover_lab import definitions, kernel, state
from drover_lab.images import cache, initramfs
from drover_lab.process import boot_id, run, write_atomically

DEVICE = Path("/dev/kvm")
# Seconds. Emulated it takes four with a BIOS and seven with UEFI, on two cores: KVM that needs longer is no gain.
# There are machines whose KVM runs a boot sector, and hangs in a BIOS or before Linux is up: nothing less is proof.
DEADLINE = 10
_MARK = "drover: Linux is up"


def works(say: Callable[[str], None] = lambda _: None) -> bool:
    """The answer is kept until the machine boots anew.

    :param say: told what is tried and what was found, where it is not known.
    """
    path = state.CACHE / "acceleration.json"
    try:
        known = json.loads(path.read_text())
        if known["boot"] == boot_id():
            return bool(known["kvm_boots_linux"])
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        pass  # nothing known: find out
    answer = DEVICE.exists() and _found_out(say)
    write_atomically(path, json.dumps({"boot": boot_id(), "kvm_boots_linux": answer}))
    return answer


def domain_type() -> str:
    """What libvirt calls it."""
    return "kvm" if works() else "qemu"


def boots(accelerator: list[str], firmware: list[str], deadline: float = DEADLINE) -> bool:
    """Whether the lab's kernel gets as far as its first program.

    :param accelerator: :param firmware: arguments of qemu. :param deadline: seconds, of each try.
    """
    with cache.alone():
        linux = kernel.ensure()
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "initramfs")
        initramfs.write_only(archive, f"#!/bin/sh\necho '{_MARK}'\n/bin/busybox poweroff -f\n")
        command = ["timeout", "--signal=KILL", str(deadline), "qemu-system-x86_64", *accelerator, *firmware]
        command += ["-machine", "q35", "-m", "192", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]
        command += ["-kernel", os.fspath(linux.image), "-initrd", os.fspath(archive)]
        command += ["-append", "console=ttyS0 quiet panic=-1"]
        return _MARK.encode() in run(command, check=False, timeout=deadline + 20).stdout


def _found_out(say: Callable[[str], None]) -> bool:
    say("Trying whether KVM boots Linux on this machine.")
    code, variables = definitions.firmware_files()
    flash = "if=pflash,format=raw"
    uefi = ["-drive", f"{flash},readonly=on,file={code}", "-drive", f"{flash},snapshot=on,file={variables}"]
    with ThreadPoolExecutor() as pool:
        answer = all(pool.map(lambda firmware: boots(["-accel", "kvm", "-cpu", "host"], firmware), ([], uefi)))
    say("It does." if answer else "It does not: the machines are emulated, which is slower and otherwise the same.")
    return answer
