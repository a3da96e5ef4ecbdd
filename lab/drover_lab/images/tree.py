"""The files that a guest's data partition is filled with, of every kind that is hard to move.

The same seed gives the same bytes.
"""

import os
import random
from pathlib import Path

from drover_lab.guests import MIB, Content, DiskSpec, Guest

# Everything carries this modification time: 2026-01-01 00:00 UTC.
EPOCH = 1_767_225_600
SECOND_LABEL = "drover-more"
SMALL_FILES = 10_000


def plant(guest: Guest, disk: DiskSpec, root: Path, prefix: int) -> None:
    """Writes the files of one disk under `root`.

    :param prefix: length of the guests' network prefix, in bits.
    """
    seed = random.Random(f"{guest.name}/{disk.name}")
    if disk.content is Content.MANY_FILES:
        _many_files(root, seed)
    else:
        _system(guest, root, prefix)
        _seeded(root / "srv/data", seed, disk.data)
    _settle(root)


def _system(guest: Guest, root: Path, prefix: int) -> None:
    for folder in ("bin", "etc", "home", "srv/data", "srv/more", "tmp", "usr/bin", "var/lib", "var/log"):
        (root / folder).mkdir(parents=True)
    second = SECOND_LABEL if len(guest.spec.disks) > 1 else ""
    settings = f"NAME={guest.name}\nADDRESS={guest.address}/{prefix}\nSECOND_DISK={second}\n"
    mounts = "LABEL=drover-data / ext4 noatime 0 1\n" + (
        f"LABEL={second} /srv/more ext4 noatime 0 2\n" if second else ""
    )
    texts = {
        "etc/machine.conf": settings,
        "etc/hostname": f"{guest.name}\n",
        "etc/fstab": mounts,
        "etc/os-release": 'NAME="Drover lab guest"\nID=drover-lab\nVERSION_ID=1\nPRETTY_NAME="Drover lab guest"\n',
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n",
    }
    for name, text in texts.items():
        (root / name).write_text(text)


def _seeded(root: Path, seed: random.Random, amount: int) -> None:
    """Half of it random, a quarter compressible; then a sparse file and the kinds that copiers forget."""
    for index in range(4):
        (root / f"random-{index}.bin").write_bytes(seed.randbytes(amount // 8))
    line = "".join(f"{seed.randrange(10**9):09d} the quick brown fox jumps over the lazy dog\n" for _ in range(64))
    (root / "compressible.log").write_text(line * (amount // 4 // len(line)))
    # No larger than it must be to be one: its holes are read, too, by an emulated appliance and by the guest.
    _sparse(root / "sparse.img", seed, max(amount // 4, MIB))
    _links(root, seed)
    _names(root / "names", seed)
    _owners(root / "owners", seed)
    _attributes(root / "attributes", seed)


def _sparse(path: Path, seed: random.Random, amount: int) -> None:
    with open(path, "wb") as stream:
        for part in range(4):
            stream.seek(part * (amount // 4) + 4096 * part)
            stream.write(seed.randbytes(64 * 1024))
        stream.truncate(amount + 12_345)


def _links(root: Path, seed: random.Random) -> None:
    folder = root / "links"
    folder.mkdir()
    (folder / "original").write_bytes(seed.randbytes(100_000))
    os.link(folder / "original", folder / "second-name")
    os.link(folder / "original", folder / "third-name")
    (folder / "relative").symlink_to("original")
    (folder / "absolute").symlink_to("/etc/machine.conf")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "long").symlink_to("x" * 200)


def _names(folder: Path, seed: random.Random) -> None:
    folder.mkdir()
    names = [
        "Übergröße.txt",
        "naïve café.txt",
        "日本語.txt",
        "Ελληνικά.txt",
        "emoji-\U0001f4be.txt",
        "quote'\"quote.txt",
    ]
    names += ["two  spaces", "tab\there", "back\\slash", "-dash", "new\nline", "n" * 255, "combining-e\u0301"]
    for name in names:
        (folder / name).write_bytes(seed.randbytes(seed.randrange(1, 5000)))
    # A name that is no UTF-8 at all.
    (folder / os.fsdecode(b"latin1-\xe9\xe8")).write_bytes(seed.randbytes(100))
    (folder / "empty").write_bytes(b"")
    (folder / "empty-folder").mkdir()


def _owners(folder: Path, seed: random.Random) -> None:
    folder.mkdir()
    for index, mode in enumerate((0o644, 0o600, 0o755, 0o4755, 0o2750, 0o000)):
        path = folder / f"mode-{mode:04o}"
        path.write_bytes(seed.randbytes(1000))
        os.chown(path, 1000 + index, 2000 + index)
        path.chmod(mode)
    sticky = folder / "sticky"
    sticky.mkdir()
    sticky.chmod(0o1777)


def _attributes(folder: Path, seed: random.Random) -> None:
    folder.mkdir()
    path = folder / "with-xattrs"
    path.write_bytes(seed.randbytes(2000))
    os.setxattr(path, "user.drover.note", "grüße".encode())
    os.setxattr(path, "user.drover.bytes", seed.randbytes(64))
    os.setxattr(folder, "user.drover.folder", b"yes")


def _many_files(root: Path, seed: random.Random) -> None:
    for index in range(SMALL_FILES):
        folder = root / f"many/{index // 100:03d}"
        if index % 100 == 0:
            folder.mkdir(parents=True)
        (folder / f"file-{index:05d}.dat").write_bytes(seed.randbytes(seed.randrange(16, 4096)))
    _owners(root / "owners", seed)
    (root / "big.bin").write_bytes(seed.randbytes(16 * MIB))


def _settle(root: Path) -> None:
    """One modification time for everything, so that the same seed gives the same files."""
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            os.utime(os.path.join(folder, name), (EPOCH, EPOCH), follow_symlinks=False)
    os.utime(root, (EPOCH, EPOCH))
