"""Starts one host: records this process, then becomes the one that holds the host's namespaces.

`exec` keeps pid and start time, so the record is there before the host is: whenever a lab is killed, no host
runs that nobody knows of. Whoever stops the host takes the orders away before looking for the record, so that either
the record is found or nothing is started. Run as `python -m drover_lab.launch RECORD NAMESPACE ORDERS`.
"""

import contextlib
import os
import sys
from pathlib import Path

from drover_lab.process import ProcessRecord


def main(record: str, namespace: str, orders: str) -> None:
    me = ProcessRecord.of(os.getpid())
    if me is None:
        raise SystemExit("This process is not in /proc.")
    me.save(Path(record))
    if not Path(orders).exists():
        Path(record).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # The lab's folders are gone; saving made them again.
            os.removedirs(Path(record).parent)
        raise SystemExit("The host was stopped before it began.")
    enter = ["nsenter", f"--net=/run/netns/{namespace}"]
    apart = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
    os.execvp(enter[0], [*enter, *apart, sys.executable, "-m", "drover_lab.host_init", orders])


if __name__ == "__main__":
    main(*sys.argv[1:])
