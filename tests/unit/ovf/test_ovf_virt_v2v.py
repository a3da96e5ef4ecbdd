"""An OVA of ours in other people's hands: virt-v2v takes it for a machine."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from fake_host import FakeHost

from drover.model import PowerState
from drover.ovf.exporting import export_machine

MIB = 1 << 20


@pytest.mark.slow
def test_virt_v2v_reads_it_and_finds_the_machine(tmp_path: Path) -> None:
    """It reads descriptor, manifest and disks; that there is no system on the disks is where it then ends."""
    assert shutil.which("virt-v2v"), "tests/packages.debian.txt names it"
    host = FakeHost("a", tmp_path / "a")
    host.add("web server", {"vda": random.Random(1).randbytes(4 * MIB), "vdb": bytes(2 * MIB)}, PowerState.OFF)
    export_machine(host, "web server", tmp_path / "web.ova", progress=lambda _: None)
    (tmp_path / "out").mkdir()
    argv = ["virt-v2v", "-v", "-i", "ova", str(tmp_path / "web.ova"), "-o", "local", "-os", str(tmp_path / "out")]
    settings = {"LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=600, check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **settings}
    )
    assert "inspection could not detect the source guest" in done.stderr, done.stderr[-3000:]
    for fact in ("source name: web server", "nr vCPUs: 1", f"memory: {192 * MIB} (bytes)", "52:54:00:00:00:01"):
        assert fact in done.stderr, fact
    disks = [line for line in done.stderr.splitlines() if "virtual-size" in line]
    assert disks is not None
