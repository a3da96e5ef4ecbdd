"""Starts one host: records this process, then becomes the one that holds the host's namespaces.

`exec` keeps pid and start time, so the record is there before the host is: whenever a lab is killed, no host
runs that nobody knows of. Run as `python -m drover_lab.launch RECORD NAMESPACE ORDERS`.
"""

import os
import sys
from pathlib import Path

from drover_lab.process import ProcessRecord


def main(record: str, namespace: str, orders: str) -> None:
    me = ProcessRecord.of(os.getpid())
    if me is None:
        raise SystemExit("This process is not in /proc.")
    me.save(Path(record))
    enter = ["nsenter", f"--net=/run/netns/{namespace}"]
    apart = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
    os.execvp(enter[0], [*enter, *apart, sys.executable, "-m", "drover_lab.host_init", orders])


if __name__ == "__main__":
    main(*sys.argv[1:])
