"""How tests share the processes that run them, and that nothing of their labs is left whatever happens."""

import re
import signal
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests that are run in the background, or under nohup, inherit ignored signals, and so would all that they interrupt.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


class _ByFile(LoadScopeScheduling):
    """In several processes, whole waves come one after another; of all other tests, the files are shared out.

    xdist's own groups do not work with pytest 9.2, which no longer reads the name that they are written into.
    """

    def _split_scope(self, nodeid: str) -> str:
        _tests, kind, *_ = nodeid.split("/")
        return kind if kind == "e2e" else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByFile(config, log)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The labs of test processes that are no more go, too: xdist kills its own ten seconds after an interruption."""
    from drover_lab import lab as labs
    from drover_lab import state

    if hasattr(config, "workerinput") or not state.labs_folder().exists():
        return
    for folder in sorted(state.labs_folder().iterdir()):
        made = re.fullmatch(r"pytest(\d+)(-.+)?", folder.name)
        if made and folder.is_dir() and not Path("/proc", made[1]).exists():
            labs.down(folder.name)
