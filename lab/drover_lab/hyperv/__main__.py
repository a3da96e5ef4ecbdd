"""Runs one simulated host: `python -m drover_lab.hyperv SETTINGS.json`. It ends when it is ended."""

import sys
from pathlib import Path

from drover_lab.hyperv.control import Control, ControlServer
from drover_lab.hyperv.host import HyperVHost
from drover_lab.hyperv.settings import Settings


def main(path: str) -> None:
    settings = Settings.load(Path(path))
    host = HyperVHost(settings)
    host.boot()
    # Last: who can connect to the control socket finds a host that listens.
    ControlServer(Path(settings.control), Control(host)).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
