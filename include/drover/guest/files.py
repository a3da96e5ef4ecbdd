"""The files of a guest, read offline from its disks, without an agent in it: every name, mode, owner and digest.

A filesystem is read by libguestfs' appliance in a process of its own. However broken or hostile it is, the process is
ended by its deadlines, and the appliance with it.
"""

import logging
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drover.blocks.endpoint import Endpoint
from drover.guest import table
from drover.guest.process import NotLaunchedError, reader

if TYPE_CHECKING:
    from pandas import DataFrame

log = logging.getLogger(__name__)

_LAUNCH_SECONDS = 600.0  # emulated, on a host that is busy copying
_LAUNCH_SECONDS_KVM = 60.0
_SETTINGS = "LIBGUESTFS_BACKEND_SETTINGS"


Disks = Mapping[str, Endpoint]


def read_files(disks: Disks, *, deadline: float = 6 * 3600.0, stall: float = 600.0) -> "DataFrame":
    """The table of every file on these disks; its columns are told in `drover.guest.table`.

    What cannot be read has a row of the type `unreadable`: validation refuses it.

    :param disks: by the names that they have in the machine, each served on a Unix socket.
    :param deadline: seconds for all of it. :param stall: seconds without any progress after which it is ended.
    :raises RetryableError: the appliance did not start or was ended by a deadline.
    :raises OperatorNeededError: libguestfs cannot work on this host.
    """
    tables = _launch([disks], stall, time.monotonic() + deadline)
    assert tables is not None  # one machine is never to be read apart
    return tables[0]


def read_both(
    before: Disks, after: Disks, *, deadline: float = 6 * 3600.0, stall: float = 600.0
) -> tuple["DataFrame", "DataFrame"]:
    """`read_files` of a machine and of its copy, in one appliance where the two cannot be mixed up in it."""
    end = time.monotonic() + deadline
    tables = _launch([before, after], stall, end)
    if tables is None:
        log.info("The two ends have volumes of the same identity, so each is read by itself.")
        return (
            read_files(before, deadline=end - time.monotonic(), stall=stall),
            read_files(after, deadline=end - time.monotonic(), stall=stall),
        )
    return tables[0], tables[1]


def _launch(machines: Sequence[Disks], stall: float, end: float) -> "list[DataFrame] | None":
    """A table for each machine; None where they must not be read together."""
    *trials, sure = _environments()
    for environment in trials:
        try:
            return _read(machines, environment, _LAUNCH_SECONDS_KVM, stall, end)
        except NotLaunchedError as error:
            log.info("With KVM: %s Going on with emulation.", error)
    try:
        return _read(machines, sure, _LAUNCH_SECONDS, stall, end)
    except NotLaunchedError as error:
        raise error.cause from None


def _environments() -> list[dict[str, str]]:
    """KVM where it truly works: that it is there says nothing (some clouds show it, and guests hang), so it is tried.

    Whoever sets libguestfs' own variables is obeyed.
    """
    base = {"LIBGUESTFS_BACKEND": "direct"} | dict(os.environ)
    emulated = base | {_SETTINGS: "force_tcg"}
    if _SETTINGS in os.environ:
        return [base]
    return [base, emulated] if os.access("/dev/kvm", os.R_OK | os.W_OK) else [emulated]


def _read(
    machines: Sequence[Disks], environment: dict[str, str], launch: float, stall: float, end: float
) -> "list[DataFrame] | None":
    what = " and of ".join(disk.label for disks in machines for disk in disks.values())
    with tempfile.TemporaryDirectory(prefix="drover-files-") as folder:
        paths = [Path(folder) / f"{number}.parquet" for number in range(len(machines))]
        # The appliance's temporary files go with this folder, also when it is killed.
        with reader(environment | {"LIBGUESTFS_TMPDIR": folder}, what) as process:
            uris = [{name: disk.uri for name, disk in disks.items()} for disks in machines]
            process.order([(disks, str(path)) for disks, path in zip(uris, paths, strict=True)])
            process.wait(launch=launch, stall=stall, end=end)
            if process.apart:
                return None
        return [table.load(path) for path in paths]
