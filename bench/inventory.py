"""How long the inventory of a large vCenter takes, beside asking it object by object, as scripts do."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.figures import Figure, Order, best_of, figure

_MANY = 5000
# So many can be asked for one by one in a time that a benchmark has.
_SOME = 500
_DELAY = 10  # milliseconds a call
_MEMORY = 300  # MiB


def figures(order: Order) -> Iterator[Figure]:
    with _vcenter(order, _SOME) as vcenter, _session(vcenter) as session:
        ours, theirs = best_of(2, lambda: _inventory(session), lambda: _one_by_one(session))
        name = f"vSphere: inventory of {_SOME} machines"
        yield figure(name, ours, "attributes, object by object", theirs, aim=1.0)
    with _vcenter(order, _MANY) as vcenter, _session(vcenter) as session:
        name = f"vSphere: inventory of {_MANY} machines"
        near, far = best_of(3, _after(vcenter, 0, session), _after(vcenter, _DELAY, session))
        yield figure(name, near, "fifteen seconds", 15.0, aim=1.0)
        yield figure(f"{name}, {_DELAY} ms a call", far, "without delay", near, aim=1.2)
        vcenter.ask("delay", delay=0)
        yield figure(f"{name}, memory", _memory(vcenter), "the limit", _MEMORY, aim=1.0, unit="MiB")


@contextmanager
def _vcenter(order: Order, machines: int) -> Iterator[Any]:
    """The lab's, alone."""
    from drover_lab.vcenter.alone import VCenter

    order.say(f"a vCenter of {machines} machines")
    with tempfile.TemporaryDirectory(prefix="drover-bench-") as folder:
        vcenter = VCenter(Path(folder), machines=machines)
        try:
            yield vcenter
        finally:
            vcenter.stop()


@contextmanager
def _session(vcenter: Any) -> Iterator[Any]:
    from drover.hypervisors.vsphere.session import Session

    session = Session(vcenter.spec())
    try:
        yield session
    finally:
        session.close()


def _after(vcenter: Any, delay: int, session: Any) -> Callable[[], object]:
    """Takes the inventory of a vCenter that answers so much later."""

    def work() -> object:
        vcenter.ask("delay", delay=delay)
        return _inventory(session)

    return work


def _inventory(session: Any) -> object:
    """With tags, and without anything that the session remembers."""
    from drover.hypervisors.vsphere import attached, inventory

    session.memory.clear()
    return attached.with_tags(session, inventory.machines(session))


def _memory(vcenter: Any) -> float:
    """MiB that a process of its own takes at most, which does nothing but log in and take the inventory."""
    command = [sys.executable, "-m", "bench.inventory", vcenter.spec().host, str(vcenter.port)]
    done = subprocess.run(
        [*command, str(vcenter.identity.authority)], check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    return int(done.stdout) / 1024


def _one_by_one(session: Any) -> None:
    """As scripts do it that read attributes of pyvmomi's objects; each is a call."""
    from pyVmomi import vim

    content = session.content
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    for machine in view.view:
        _ = (machine.name, machine.config, machine.runtime, machine.layoutEx, machine.guest)
    view.DestroyView()


def _alone(host: str, port: str, authority: str) -> None:
    from drover.hypervisors.connection import ConnectionSpec
    from drover_lab.vcenter.alone import LOGIN, PASSWORD

    extra = {"ca_file": authority}
    spec = ConnectionSpec("bench", "vsphere", host, login=LOGIN, password=PASSWORD, port=int(port), extra=extra)
    from drover.hypervisors.vsphere.session import Session

    session = Session(spec)
    _inventory(session)
    session.close()
    # Not getrusage(): its figure begins with what the process took that started this one.
    print(re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)[0])


if __name__ == "__main__":
    _alone(*sys.argv[1:])
