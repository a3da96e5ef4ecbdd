"""A guest's disk images: partition table, boot partition with its loader, data partition."""

import shutil
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from drover.errors import OperatorNeededError
from drover.model import DiskFormat, Firmware
from drover_lab.guests import MIB, DiskSpec, Guest
from drover_lab.images import listing, tree
from drover_lab.process import run

SECTOR = 512
BOOT_START = 1 * MIB
BOOT_SIZE = 32 * MIB
# GPT keeps a copy of its table in the last sectors.
TAIL = 1 * MIB
COMMAND_LINE = "console=ttyS0 quiet panic=10 mitigations=off"
MBR_CODE = ("/usr/lib/syslinux/mbr/mbr.bin", "/usr/lib/EXTLINUX/mbr.bin", "/usr/share/syslinux/mbr.bin")
GRUB_MODULES = ("part_gpt", "part_msdos", "fat", "normal", "linux", "boot", "search", "search_fs_file")


@dataclass(frozen=True, slots=True)
class BootFiles:
    kernel: Path
    initramfs: Path


def build(guest: Guest, disk: DiskSpec, boot: BootFiles, target: Path, prefix: int) -> None:
    """Writes one disk image, in the format that the guest has it in, and the list of its files beside it.

    :param prefix: length of the guests' network prefix, in bits.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch)
        image = folder / "disk.raw"
        with open(image, "wb") as stream:
            stream.truncate(disk.size)
        start = _partition(guest, disk, image)
        if disk.bootable:
            _boot_partition(guest, boot, image, folder)
        contents = folder / "tree"
        contents.mkdir()
        tree.plant(guest, disk, contents, prefix)
        listing.write(contents, listing.file_of(target.parent, disk))
        _data_partition(guest, disk, image, contents, start)
        _finish(disk, image, target)


def _partition(guest: Guest, disk: DiskSpec, image: Path) -> int:
    """:returns: where the data partition begins, bytes."""
    uefi = guest.spec.firmware is Firmware.UEFI
    identity = _identity(guest, disk, "table")
    start = BOOT_START + BOOT_SIZE if disk.bootable else BOOT_START
    data_sectors = (disk.size - TAIL - start) // SECTOR
    label = f"label: gpt\nlabel-id: {identity}\n" if uefi else f"label: dos\nlabel-id: 0x{identity.hex[:8]}\n"
    boot_type = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B" if uefi else "e, bootable"
    data_type = "0FC63DAF-8483-4772-8E79-3D69D8477DE4" if uefi else "83"
    lines = [f"start={start // SECTOR}, size={data_sectors}, type={data_type}"]
    if disk.bootable:
        lines.insert(0, f"start={BOOT_START // SECTOR}, size={BOOT_SIZE // SECTOR}, type={boot_type}")
    run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(image)], stdin=label + "\n".join(lines) + "\n")
    return start


def _boot_partition(guest: Guest, boot: BootFiles, image: Path, folder: Path) -> None:
    """A FAT file system with kernel, initramfs and loader."""
    partition = folder / "boot.fat"
    with open(partition, "wb") as stream:
        stream.truncate(BOOT_SIZE)
    serial = _identity(guest, guest.spec.disks[0], "boot").hex[:8]
    run(["mkfs.fat", "-F", "16", "-n", "BOOT", "-i", serial, "-h", str(BOOT_START // SECTOR), str(partition)])
    _fat_copy(partition, boot.kernel, "vmlinuz")
    _fat_copy(partition, boot.initramfs, "initrd.gz")
    if guest.spec.firmware is Firmware.UEFI:
        _grub(partition, folder)
    else:
        _syslinux(partition, folder, image)
    _write_at(image, partition, BOOT_START)


def _grub(partition: Path, folder: Path) -> None:
    config = folder / "grub.cfg"
    config.write_text(
        "set gfxpayload=text\nsearch --no-floppy --set=root --file /vmlinuz\n"
        f"linux /vmlinuz {COMMAND_LINE}\ninitrd /initrd.gz\nboot\n"
    )
    loader = folder / "bootx64.efi"
    command = ["grub-mkimage", "-O", "x86_64-efi", "-p", "/EFI/BOOT", "-c", str(config), "-o", str(loader)]
    run([*command, *GRUB_MODULES])
    run(["mmd", "-i", str(partition), "::/EFI", "::/EFI/BOOT"])
    _fat_copy(partition, loader, "EFI/BOOT/BOOTX64.EFI")


def _syslinux(partition: Path, folder: Path, image: Path) -> None:
    config = folder / "syslinux.cfg"
    config.write_text(f"DEFAULT drover\nLABEL drover\n  LINUX vmlinuz\n  INITRD initrd.gz\n  APPEND {COMMAND_LINE}\n")
    _fat_copy(partition, config, "syslinux.cfg")
    run(["syslinux", "--install", str(partition)])
    code = next((Path(path) for path in MBR_CODE if Path(path).exists()), None)
    if code is None:
        raise OperatorNeededError("The boot code of syslinux is not installed.", remedy="Run './drover setup'.")
    with open(image, "r+b") as stream:
        stream.write(code.read_bytes()[:440])


def _fat_copy(partition: Path, source: Path, name: str) -> None:
    run(["mcopy", "-o", "-i", str(partition), str(source), f"::/{name}"])


def _data_partition(guest: Guest, disk: DiskSpec, image: Path, contents: Path, start: int) -> None:
    """An ext4 file system, made with its files in it. Nothing is left for the guest's kernel to initialise later."""
    label = "drover-data" if disk.bootable else tree.SECOND_LABEL
    identity = _identity(guest, disk, "data")
    options = f"offset={start},lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0,hash_seed={identity}"
    files = sum(1 for _ in contents.rglob("*")) + 2048
    size = f"{(disk.size - TAIL - start) // 1024}k"
    run(
        ["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-J", "size=4", "-N", str(files), "-L", label]
        + ["-U", str(identity), "-E", options, "-d", str(contents), str(image), size],
        environment={"E2FSPROGS_FAKE_TIME": str(tree.EPOCH)},
    )


def _finish(disk: DiskSpec, image: Path, target: Path) -> None:
    if disk.format is DiskFormat.RAW:
        shutil.move(image, target)
    else:
        run(["qemu-img", "convert", "-f", "raw", "-O", disk.format.value, str(image), str(target)])


def _write_at(image: Path, part: Path, offset: int) -> None:
    run(["dd", f"if={part}", f"of={image}", f"seek={offset}", "oflag=seek_bytes", "bs=1M", "conv=notrunc,sparse"])


def _identity(guest: Guest, disk: DiskSpec, what: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{what}.{disk.name}.{guest.name}.lab.drover")
