"""What a killed client leaves goes when the next one comes; what lives, or is not ours, stays."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from drover.private_folder import PrivateFolder

OWNER = """
import sys, time
from pathlib import Path
from drover.private_folder import PrivateFolder
folder = PrivateFolder("kind-", Path(sys.argv[1]))
print(folder.path, flush=True)
time.sleep(60)
"""


def age(folder: Path) -> None:
    before = time.time() - 3600
    os.utime(folder, (before, before))


def test_only_its_user_can_enter_it_and_it_goes_with_its_owner(tmp_path: Path) -> None:
    folder = PrivateFolder("kind-", tmp_path)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    folder.close()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_owners_folder_goes_with_the_next_and_a_living_ones_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        left = Path(owner.stdout.readline().strip())
        (left / "0.sock").touch()
        age(left)
        PrivateFolder("kind-", tmp_path).close()
        assert left.exists()

        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
        PrivateFolder("kind-", tmp_path).close()
        assert not left.exists()


def test_what_is_young_or_has_no_lock_or_another_name_is_left_alone(tmp_path: Path) -> None:
    young, strange, other = (tmp_path / name for name in ("kind-young", "kind-strange", "other-kind"))
    for folder in (young, strange, other):
        folder.mkdir()
    for folder in (young, other):
        (folder / "lock").touch()
    for folder in (strange, other):
        age(folder)

    PrivateFolder("kind-", tmp_path).close()

    assert all(folder.exists() for folder in (young, strange, other))


def test_a_link_to_another_place_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "lock").touch()
    age(precious)
    (tmp_path / "kind-link").symlink_to(precious)
    os.utime(tmp_path / "kind-link", (0, 0), follow_symlinks=False)

    PrivateFolder("kind-", tmp_path).close()

    assert (precious / "lock").exists()
