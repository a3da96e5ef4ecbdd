"""Files and folders of a host, listed, moved and digested."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from drover_lab.hyperv.powershell.invocation import Invocation
from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world.answers import thing
from drover_lab.hyperv.world.drives import item, not_there
from drover_lab.hyperv.world.paths import local
from drover_lab.hyperv.world.store import Host


class Files:
    def __init__(self, host: Host) -> None:
        self.host = host

    def children(self, call: Invocation) -> None:
        call.only("LiteralPath", "Recurse", "File", "Directory")
        for path in call.get("LiteralPath"):
            folder = local(self.host, path)
            if not folder.is_dir():
                call.fail(not_there(path))
                continue
            for found in self._below(folder, deep=bool(call.get("Recurse"))):
                if (found.is_dir() and not call.get("File")) or (found.is_file() and not call.get("Directory")):
                    parts = found.relative_to(folder).parts
                    call.write(item("\\".join([path.rstrip("\\"), *parts]), found))

    def _below(self, folder: Path, *, deep: bool) -> Iterator[Path]:
        for found in sorted(folder.iterdir()):
            yield found
            if deep and found.is_dir():
                yield from self._below(found, deep=True)

    def move(self, call: Invocation) -> None:
        call.only("LiteralPath", "Destination")
        target = local(self.host, call.get("Destination"))
        if target.exists():
            raise NotModelledError("Move-Item to what is there already")
        for path in call.get("LiteralPath"):
            source = local(self.host, path)
            if source.exists():
                source.rename(target)
            else:
                call.fail(not_there(path))

    def digest(self, call: Invocation) -> None:
        call.only("LiteralPath", "Algorithm")
        if call.get("Algorithm", "SHA256") != "SHA256":
            raise NotModelledError(f"Get-FileHash -Algorithm {call.get('Algorithm')}")
        for path in call.get("LiteralPath"):
            with open(local(self.host, path), "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest().upper()
            call.write(thing("FileHashInfo", {"Algorithm": "SHA256", "Hash": found, "Path": path}))
