"""An OVA of ours in other people's hands: virt-v2v takes it for a machine, and sees to its digests."""

import os
import random
import shutil
import subprocess
from pathlib import Path

from fake_host import FakeHost

from drover.model import PowerState
from drover.ovf.exporting import export_machine

MIB = 1 << 20


def print_source(ova: Path) -> "subprocess.CompletedProcess[str]":
    assert shutil.which("virt-v2v"), "tests/packages.debian.txt names it"
    argv = ["virt-v2v", "-i", "ova", str(ova), "--print-source"]
    environment = {**os.environ, "LIBGUESTFS_BACKEND": "direct", "TMPDIR": str(ova.parent)}
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_virt_v2v_finds_the_machine_in_it(tmp_path: Path) -> None:
    host = FakeHost("a", tmp_path / "a")
    host.add("web server", {"vda": random.Random(1).randbytes(4 * MIB), "vdb": bytes(2 * MIB)}, PowerState.OFF)
    path = tmp_path / "web.ova"
    export_machine(host, "web server", path, progress=lambda _: None)
    done = print_source(path)
    assert done.returncode == 0, done.stderr
    for fact in (
        "source name: web server",
        "nr vCPUs: 1",
        f"memory: {192 * MIB} (bytes)",
        "firmware: bios",
        "0 [scsi]\n\t1 [scsi]",
        'Bridge "production" mac: 52:54:00:00:00:01 [vmxnet3]',
    ):
        assert fact in done.stdout, done.stdout
    altered = bytearray(path.read_bytes())
    altered[len(altered) // 2] ^= 1
    path.write_bytes(altered)
    assert print_source(path).returncode != 0, "virt-v2v, too, holds the disks against our manifest"
