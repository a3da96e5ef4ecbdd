"""The files of a guest, read offline from its disks, without an agent in it: every name, mode, owner and digest.

A filesystem is read by libguestfs' appliance in a process of its own. However broken or hostile it is, the process is
ended by its deadlines, and the appliance with it.
"""

import logging
import os
import tempfile
import time
from collections.abc import Mapping
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


def read_files(disks: Mapping[str, Endpoint], *, deadline: float = 6 * 3600.0, stall: float = 600.0) -> "DataFrame":
    """The table of every file on these disks; its columns are told in `drover.guest.table`.

    What cannot be read has a row of the type `unreadable`: validation refuses it.

    :param disks: in the machine's order, by the names that both ends shall be known by, each served on a Unix socket.
    :param deadline: seconds for all of it. :param stall: seconds without any progress after which it is ended.
    :raises RetryableError: the appliance did not start or was ended by a deadline.
    :raises OperatorNeededError: libguestfs cannot work on this host.
    """
    end = time.monotonic() + deadline
    *trials, sure = _environments()
    for environment in trials:
        try:
            return _read(disks, environment, _LAUNCH_SECONDS_KVM, stall, end)
        except NotLaunchedError as error:
            log.info("With KVM: %s Going on with emulation.", error)
    try:
        return _read(disks, sure, _LAUNCH_SECONDS, stall, end)
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
    disks: Mapping[str, Endpoint], environment: dict[str, str], launch: float, stall: float, end: float
) -> "DataFrame":
    what = " and of ".join(disk.label for disk in disks.values())
    with tempfile.TemporaryDirectory(prefix="drover-files-") as folder:
        path = Path(folder) / "table.parquet"
        # The appliance's temporary files go with this folder, also when it is killed.
        with reader(environment | {"LIBGUESTFS_TMPDIR": folder}, what) as process:
            process.order({name: disk.uri for name, disk in disks.items()}, str(path))
            process.wait(launch=launch, stall=stall, end=end)
        return table.load(path)
