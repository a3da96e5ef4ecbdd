"""The SMB server of a Hyper-V host: a real smbd, which gives out the host's drives as their administrative shares."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from drover_lab.process import write_atomically

FOLDERS = ("state", "lock", "cache", "run", "private", "ncalrpc")
LOGIN = "administrator"
_CONFIGURATION = """\
[global]
    server role = standalone server
    interfaces = {address}
    bind interfaces only = yes
    smb ports = {port}
    disable netbios = yes
    server smb encrypt = {encrypt}
    username map = {folder}/users
    passdb backend = tdbsam:{folder}/private/passdb.tdb
    private dir = {folder}/private
    state directory = {folder}/state
    lock directory = {folder}/lock
    cache directory = {folder}/cache
    pid directory = {folder}/run
    ncalrpc dir = {folder}/ncalrpc
    log file = {folder}/log.%m
    load printers = no
"""
_SHARE = """\
[{letter}$]
    path = {path}
    read only = no
    strict allocate = no
"""


def write(
    folder: Path,
    drives: Mapping[str, Path],
    password: str,
    *,
    address: str,
    port: int = 445,
    encrypt: str = "required",
    seen_as: Path | None = None,
) -> None:
    """What the server needs.

    :param drives: letter -> folder, as the server sees it. :param encrypt: as smb.conf says it.
    :param seen_as: where the server finds `folder`, if elsewhere.
    """
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    text = _CONFIGURATION.format(folder=seen_as or folder, address=address, port=port, encrypt=encrypt)
    text += "".join(_SHARE.format(letter=letter, path=path) for letter, path in drives.items())
    write_atomically(folder / "smb.conf", text)
    write_atomically(folder / "users", f"root = {LOGIN}\n")
    write_atomically(folder / "password", password, 0o600)


def main(folder: Path) -> None:
    """Becomes the server of this folder, with the password as it is now."""
    configuration = str(folder / "smb.conf")
    password = (folder / "password").read_text()
    subprocess.run(
        ["smbpasswd", "-c", configuration, "-s", "-a", "root"],
        input=f"{password}\n{password}\n".encode(),
        check=True,
        capture_output=True,
    )
    program = shutil.which("smbd")
    if program is None:
        raise SystemExit("smbd is not installed.")
    argv = [program, "--foreground", "--no-process-group", "--debug-stdout", "--configfile", configuration]
    os.execv(program, argv)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
