"""Drover and its peers at the same job: one disk from one NBD address to another."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from drover.blocks.endpoint import Endpoint
from drover.blocks.manifest import Manifest
from drover.blocks.mover import copy
from drover.blocks.readback import read_manifest
from drover.blocks.throttle import Throttle
from drover.errors import CorruptionError
from drover.model import Progress


@dataclass
class Contest:
    """:param image: the file behind the target, emptied before each job: every job starts from the same."""

    source: str
    target: str
    image: Path
    folder: Path
    _rounds: int = field(default=0, init=False)

    def nbdcopy(self) -> None:
        self.empty()
        _run("nbdcopy", self.source, self.target)

    def convert_and_compare(self) -> None:
        self.empty()
        _run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", self.source, self.target)
        _run("qemu-img", "compare", "-f", "raw", "-F", "raw", self.source, self.target)

    def copy(self) -> Manifest:
        """One pass with digests."""
        self.empty()
        source, target = Endpoint(self.source, "source"), Endpoint(self.target, "target", read_only=False)
        return copy(source, target, journal=None, throttle=Throttle(), progress=_nobody).manifest

    def whole(self) -> None:
        """Copy, independent read-back, and Great Expectations over both manifests."""
        from drover.quality import transfer

        sent = self.copy()
        found = read_manifest(Endpoint(self.target, "target"), throttle=Throttle(), progress=_nobody)
        self._rounds += 1
        verdict = transfer.validate({"disk": sent}, {"disk": found}, self.folder / f"quality-{self._rounds}")
        if not verdict.passed:
            raise CorruptionError("The benchmark's own copy is wrong.", remedy=" ".join(verdict.failures))

    def empty(self) -> None:
        size = self.image.stat().st_size
        os.truncate(self.image, 0)
        os.truncate(self.image, size)


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _nobody(_progress: Progress) -> None:
    """A benchmark watches its clock only."""
