import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from disks import MIB, convert, make_raw

from drover import private_folder
from drover.blocks.images import create_image, serve_image
from drover.blocks.nbd_client import Connection
from drover.blocks.probe import probe
from drover.blocks.ranges import Range
from drover.blocks.tools import refusal
from drover.errors import BadInputError, DroverError
from drover.model import DiskFormat


def socket_of(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).query.removeprefix("socket=")))


@pytest.mark.parametrize("format", list(DiskFormat))
def test_every_format_is_served_decoded(folder: Path, format: DiskFormat) -> None:
    create_image(folder / "disk", format, 5 * MIB)
    with serve_image(folder / "disk", format=format, read_only=False) as endpoint, Connection(endpoint) as connection:
        assert connection.size == endpoint.size == 5 * MIB
        assert connection.multi_conn
        connection.write(bytearray(b"x" * 512), Range(MIB, 512))
        connection.flush()
    found = probe(folder / "disk", None if format is not DiskFormat.VHD else format)
    with serve_image(folder / "disk", format=found.format, read_only=True, direct=True) as endpoint:
        assert endpoint.read_only
        with Connection(endpoint) as connection:
            assert connection.read(Range(MIB, 512)) == b"x" * 512
            assert connection.read_only


def test_the_socket_is_private_and_everything_goes_with_the_context(folder: Path) -> None:
    disk = make_raw(folder / "disk.raw", MIB, [])
    with serve_image(disk, format=None, read_only=True) as endpoint:
        place = socket_of(endpoint.uri)
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert not place.parent.exists()
    with pytest.raises(DroverError):
        Connection(endpoint)


def test_the_server_is_gone_after_an_error_too(folder: Path) -> None:
    disk = make_raw(folder / "disk.raw", MIB, [])
    with pytest.raises(ZeroDivisionError), serve_image(disk, format=None, read_only=False) as endpoint:
        raise ZeroDivisionError
    assert not socket_of(endpoint.uri).exists()
    with serve_image(disk, format=None, read_only=False):
        pass  # and holds no lock


@pytest.fixture
def killed(folder: Path) -> str:
    """The URI of an image whose owner served it and was then killed."""
    disk = make_raw(folder / "disk.raw", MIB, [])
    script = (
        "import sys, time; from pathlib import Path; from drover.blocks.images import serve_image\n"
        "with serve_image(Path(sys.argv[1]), format='raw', read_only=False) as endpoint:\n"
        "    print(endpoint.uri, flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(disk)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    uri = process.stdout.readline().strip()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return uri


def answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.connect(str(place))
        return True
    return False


def test_a_killed_owner_leaves_no_server(killed: str) -> None:
    until = time.monotonic() + 10
    while answers(socket_of(killed)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not answers(socket_of(killed))


def test_an_image_is_free_right_after_its_owner_was_killed(killed: str, folder: Path) -> None:
    with (
        serve_image(folder / "disk.raw", format="raw", read_only=False) as endpoint,
        Connection(endpoint) as connection,
    ):
        assert connection.size == MIB


def test_what_a_killed_owner_left_is_removed_later(killed: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    left = socket_of(killed).parent
    assert left.exists()
    with serve_image(folder / "disk.raw", format="raw", read_only=True) as living:
        monkeypatch.setattr(private_folder, "_YOUNG", -1.0)
        with serve_image(folder / "disk.raw", format="raw", read_only=True):
            assert not left.exists()
            assert socket_of(living.uri).exists(), "of the living it takes nothing"


def test_an_image_in_use_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drover.blocks.images._LOCK_PATIENCE", 0.1)
    disk = make_raw(folder / "disk.raw", MIB, [])
    with (
        serve_image(disk, format="raw", read_only=False),
        pytest.raises(BadInputError, match="in use by another program"),
        serve_image(disk, format="raw", read_only=True),
    ):
        pass


def test_an_image_is_never_made_over_another(folder: Path) -> None:
    disk = make_raw(folder / "disk.raw", MIB, [(0, MIB)])
    before = disk.read_bytes()
    with pytest.raises(BadInputError, match="there already"):
        create_image(disk, DiskFormat.RAW, MIB)
    assert disk.read_bytes() == before
    with pytest.raises(BadInputError, match="cannot be written"):
        create_image(folder / "nowhere" / "disk.raw", DiskFormat.RAW, MIB)


# Probing


@pytest.mark.parametrize("format", ["raw", "qcow2", "vmdk", "vhdx"])
def test_formats_are_found_by_looking(folder: Path, format: str) -> None:
    disk = convert(make_raw(folder / "disk.raw", 2 * MIB, [(0, MIB)]), folder / "image", format)
    found = probe(disk)
    assert (found.format, found.size, found.torn) == (format, 2 * MIB, False)


def test_a_name_that_looks_like_a_protocol_is_a_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_raw(folder / "nbd:disk,file=x", MIB, [])
    monkeypatch.chdir(folder)
    assert probe(Path("nbd:disk,file=x")).size == MIB
    with serve_image(Path("nbd:disk,file=x"), format=None, read_only=True) as endpoint:
        assert endpoint.size == MIB


def test_the_version_changes_with_every_write(folder: Path) -> None:
    disk = make_raw(folder / "disk.raw", MIB, [])
    before = probe(disk).version
    assert probe(disk).version == before != ""
    os.utime(disk, ns=(0, 1))
    assert probe(disk).version != before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"this is no disk\n", "not a disk image"),
        (b"line\n" * 100_000, "not a disk image"),
        (os.urandom(1000), "not a disk image"),
        (b"QFI\xfb\0\0\0\3" + bytes(1 << 16), "cannot be used"),
        (b"\x1f\x8b" + bytes(510), "packed with gzip"),
        (b"PK\x03\x04" + bytes(508), "packed with zip"),
    ],
)
def test_nonsense_is_refused(folder: Path, content: bytes, words: str) -> None:
    (folder / "nonsense").write_bytes(content)
    with pytest.raises(BadInputError, match=words):
        probe(folder / "nonsense")


def test_a_disk_without_room_for_a_new_image_is_told_as_such() -> None:
    """What qemu-img wrote on a full file system: the image is not what is wrong."""
    words = "qemu-img: /full/a.qcow2: Could not write qcow2 header: No space left on device"
    told = refusal("image /full/a.qcow2", words)
    assert told.message == "There is no room left for image /full/a.qcow2."
    assert refusal("The image /full/a.qcow2", words).message == "There is no room left for the image /full/a.qcow2."
    assert refusal("image /a", "qemu-img: no such driver").message == "Image /a cannot be used: no such driver."


def test_folders_devices_and_nothing_are_refused(folder: Path) -> None:
    for path, words in ((folder, "a folder"), (Path("/dev/null"), "no file"), (folder / "nothing", "No such file")):
        with pytest.raises(BadInputError, match=words):
            probe(path)


def test_a_file_that_may_not_be_read_is_refused(folder: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("root may read everything")
    disk = make_raw(folder / "disk.raw", MIB, [])
    disk.chmod(0)
    with pytest.raises(BadInputError, match="Permission denied"):
        probe(disk)


def overlay(folder: Path) -> Path:
    make_raw(folder / "secret.raw", MIB, [(0, MIB)])
    arguments = ["-f", "qcow2", "-b", "secret.raw", "-F", "raw", folder / "overlay.qcow2"]
    subprocess.run(["qemu-img", "create", "-q", *arguments], check=True)
    return folder / "overlay.qcow2"


def test_an_image_upon_another_is_only_followed_by_someone_who_trusts_it(folder: Path) -> None:
    """A guest may write the header of an overlay into its raw disk, and so choose a file of the host to be read."""
    path = overlay(folder)
    with pytest.raises(BadInputError, match=r"lies upon another file, secret\.raw"):
        probe(path)
    trusted = probe(path, "qcow2")
    os.utime(folder / "secret.raw", ns=(0, 1))
    assert probe(path, "qcow2").version != trusted.version


def test_a_descriptor_that_names_a_file_elsewhere_is_refused(folder: Path) -> None:
    (folder / "guest").mkdir()
    make_raw(folder / "secret.raw", MIB, [(0, MIB)])
    text = (
        '# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
        f'RW 2048 FLAT "{folder}/secret.raw" 0\n'
        'ddb.virtualHWVersion = "4"\nddb.adapterType = "ide"\n'
    )
    (folder / "guest" / "disk.vmdk").write_text(text)
    with pytest.raises(BadInputError, match="lies upon another file"):
        probe(folder / "guest" / "disk.vmdk")


def test_a_descriptor_with_its_data_beside_it_is_the_plain_case(folder: Path) -> None:
    arguments = ["-f", "vmdk", "-o", "subformat=monolithicFlat", folder / "disk.vmdk", "2M"]
    subprocess.run(["qemu-img", "create", "-q", *arguments], check=True)
    found = probe(folder / "disk.vmdk")
    os.utime(folder / "disk-flat.vmdk", ns=(0, 1))
    assert probe(folder / "disk.vmdk").version != found.version
