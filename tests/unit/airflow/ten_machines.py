"""Ten machines in three tiers over hosts made of image files, of which one does not boot at the target."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "migration"))

from fake_host import MIB, Answer, FakeHost, Killed

from drover.errors import OperatorNeededError
from drover.guest import files
from drover.hypervisors import registry
from drover.migration import checks
from drover.model import Nic
from drover.quality import application, guest_files, inventory, machine, transfer
from drover.quality.runner import Verdict

TIERS = {
    "db1": [], "db2": [], "db3": [],
    "app1": ["db1"], "app2": ["db1"], "app3": ["db2"], "app4": ["db3"],
    "web1": ["app1", "app2"], "web2": ["app3"], "web3": ["app4"],
}  # fmt: skip
FAILS = "app3"


def hosts(folder, replace, source="a", target="b", names=TIERS):
    """Two hosts over real images; what the suites say of a machine is another test's business, and takes seconds.

    :param replace: sets an attribute, as `setattr` does.
    """
    found = {name: FakeHost(name, folder / name) for name in (source, target)}
    for number, name in enumerate(names, start=1):
        found[source].add(name, {"vda": bytes([number]) * (MIB // 16)})
        found[source].change(name, nics=(Nic(f"52:54:00:00:00:{number:02x}", "production", "virtio"),))
    known = getattr(registry.connect, "hosts", {}) | found

    def connect(spec):
        return known[spec.id]

    connect.hosts = known
    replace(registry, "connect", connect)
    replace(checks, "direct", lambda *_: Answer())
    replace(files, "read_both", lambda *_: (None, None))
    for suite in (inventory, machine, transfer, guest_files, application):
        replace(suite, "validate", lambda *given: _good(given[-1]))
    return found


def _good(folder):
    """A verdict whose result is there: the record of a validation vouches for it."""
    folder.mkdir(parents=True, exist_ok=True)
    result = folder / "result.json"
    result.write_text("{}")
    return Verdict("unit", passed=True, failures=(), checks=1, result_path=str(result), docs="index.html")


def refuse_one(target, replace):
    """The target host refuses to start one of the machines."""
    start = target.power_on

    def refuse(name):
        if name == FAILS:
            raise OperatorNeededError(f"'{name}' does not boot here.", remedy="Look at its console.")
        start(name)

    replace(target, "power_on", refuse)


def mend(target):
    """By hand: the host can start it again, and what a rollback kept of it is gone."""
    target.__dict__.pop("power_on", None)
    del target.known[FAILS]


def kill_once(source, killed):
    """The worker that starts this machine there is ended: nothing is recorded, and Airflow tries the task again."""
    start = source.power_on

    def end(name):
        if name == killed:
            source.power_on = start
            raise Killed
        start(name)

    source.power_on = end


def wave_file(folder, policy, name="ten", source="a", target="b"):
    machines = "".join(
        f"  - {{name: {name}, strategy: cold, after: [{', '.join(after)}], boot_deadline: 2 s,\n"
        "     checks: [{http: {url: 'http://192.0.2.1/health'}}]}\n"
        for name, after in TIERS.items()
    )
    path = folder / f"{name}.yaml"
    path.write_text(
        f"wave: {name}\nsource: {source}\ntarget: {target}\n"
        "mappings: {networks: {production: production}, storage: {default: default}}\n"
        f"backup: {{folder: {folder / 'backup'}}}\non_failure: {policy}\nmachines:\n{machines}"
    )
    return path
