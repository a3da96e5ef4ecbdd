"""The guests' initramfs: a static busybox, the kernel modules for every hypervisor's buses, and the init script."""

import gzip
import lzma
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path

from drover.errors import OperatorNeededError
from drover_lab.kernel import Kernel
from drover_lab.process import run

# Without these no guest is up on KVM; they are loaded first.
FIRST = ("virtio_pci", "virtio_blk", "virtio_net", "ext4", "button", "evdev")
# Tried where the data disk or the network adapter is not found with the first: SATA, IDE, VMware, Hyper-V.
OTHER = (
    *("virtio_scsi", "ahci", "ata_piix", "sd_mod", "vmw_pvscsi", "mptspi", "mptsas", "nvme"),
    *("vmxnet3", "e1000", "e1000e"),
    *("hv_vmbus", "hv_storvsc", "hv_netvsc", "hv_utils"),
)
FOLDERS = ("bin", "data", "dev", "lib/modules", "proc", "run", "sys", "tmp")
ANSWER = "#!/bin/sh\nexec /init answer\n"


def build(kernel: Kernel, target: Path) -> None:
    """Writes the archive, compressed with gzip."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        root = Path(scratch)
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True)
        shutil.copyfile(busybox(), root / "bin/busybox")
        (root / "bin/sh").symlink_to("busybox")
        (root / "init").write_text(script())
        (root / "answer").write_text(ANSWER)
        for name in ("bin/busybox", "init", "answer"):
            (root / name).chmod(0o755)
        first = _add_modules(kernel, root, "first", FIRST, ())
        _add_modules(kernel, root, "other", OTHER, first)
        _pack(root, target)


def write_only(target: Path, program: str) -> None:
    """An archive that holds busybox and this script as its first program, and no module."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        root = Path(scratch)
        (root / "bin").mkdir()
        shutil.copyfile(busybox(), root / "bin/busybox")
        (root / "bin/sh").symlink_to("busybox")
        (root / "init").write_text(program)
        for name in ("bin/busybox", "init"):
            (root / name).chmod(0o755)
        _pack(root, target)


def _pack(root: Path, target: Path) -> None:
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    archive = run(_cpio(root), stdin="\n".join(names)).stdout
    target.write_bytes(gzip.compress(archive, compresslevel=6, mtime=0))


def script() -> str:
    return files("drover_lab.images").joinpath("guest_init.sh").read_text()


def busybox() -> Path:
    found = shutil.which("busybox")
    if not found:
        raise OperatorNeededError("busybox is not installed.", remedy="Run './drover setup'.")
    return Path(found)


def _cpio(root: Path) -> list[str]:
    return ["env", "-C", str(root), "cpio", "--quiet", "-o", "-H", "newc", "--reproducible", "-R", "0:0"]


def _add_modules(
    kernel: Kernel, root: Path, listing: str, wanted: tuple[str, ...], there: tuple[str, ...]
) -> tuple[str, ...]:
    """Adds the modules and what they depend on, in loading order.

    What this kernel has built in, or does not have, is left out.
    """
    known = _dependencies(kernel)
    order: list[str] = []
    for name in wanted:
        for path in known.get(name, ()):
            if path not in order and path not in there:
                order.append(path)
    for path in order:
        (root / "lib/modules" / _plain_name(path)).write_bytes(_read(kernel.modules / path))
    (root / "lib/modules" / listing).write_text("".join(f"{_plain_name(path)}\n" for path in order))
    return tuple(order)


def _dependencies(kernel: Kernel) -> dict[str, tuple[str, ...]]:
    """Module name -> paths to load for it, those it needs before it."""
    found = {}
    for line in (kernel.modules / "modules.dep").read_text().splitlines():
        path, _, needs = line.partition(":")
        found[_plain_name(path).removesuffix(".ko").replace("-", "_")] = (*reversed(needs.split()), path)
    return found


def _plain_name(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[: name.index(".ko") + 3]


def _read(path: Path) -> bytes:
    """A module without the compression that some distributions put on it."""
    match path.suffix:
        case ".xz":
            return lzma.decompress(path.read_bytes())
        case ".gz":
            return gzip.decompress(path.read_bytes())
        case ".zst":
            return run(["zstd", "-dc", str(path)]).stdout
        case _:
            return path.read_bytes()
