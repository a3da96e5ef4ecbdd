"""Run by a test in a process of its own: waves of ten machines in a real Airflow, which runs every task in here.

failing_runs.py FOLDER      prints as its last line, in JSON, what became of each run
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.models.taskinstance import TaskInstance
from airflow.utils.db import upgradedb
from ten_machines import TIERS, hosts, kill_once, mend, refuse_one, wave_file
from typer.testing import CliRunner

from drover.commands.wave import app

# It is ended between the two hosts: the target is off already, the source not yet on.
KILLED = "db1"


def order_as_a_scheduler():
    """Mapped tasks begin in the order of their index; in `dag.test` they would in any order, one after the other."""
    TaskInstance.__hash__ = lambda one: one.map_index


def states(wave, run):
    """What `wave status` says of each machine."""
    file = Path(sys.argv[1]) / "waves" / f"{wave}.yaml"
    told = CliRunner().invoke(app, ["status", str(file), "--run", run, "--json"])
    return {one["machine"]: one["state"] for one in json.loads(told.output)["machines"]}


def run(dag, both, name, /, of=None, **answers):
    """:param of: the run of the wave that is asked about afterwards, where it is not this one."""
    for host in both.values():
        host.started.clear()
    done = dag.test(run_conf=answers or None)
    found = done.get_task_instances()
    return {
        "run": done.run_id,
        "state": str(done.state),
        "states": states(name, of or done.run_id),
        "tasks": {f"{ti.task_id} {ti.map_index}": str(ti.state) for ti in found},
        "tries": max(ti.try_number for ti in found),
        "started": {name: list(host.started) for name, host in both.items()},
        "runs_at": {vm: [n for n, h in both.items() if str(h.state(vm)) == "running"] for vm in TIERS},
        "tags": {vm: [h.known[vm].ownership and h.known[vm].ownership.role for h in both.values() if vm in h.known]
                 for vm in TIERS},
    }  # fmt: skip


def main():
    folder = Path(sys.argv[1])
    stay, back = hosts(folder / "stay", setattr), hosts(folder / "back", setattr, "c", "d")
    refuse_one(stay["b"], setattr)
    refuse_one(back["d"], setattr)
    wave_file(folder / "waves", "stay", "ten-stay")
    wave_file(folder / "waves", "take back", "ten-back", "c", "d")
    upgradedb()
    DagBundlesManager().sync_bundles_to_db()
    order_as_a_scheduler()
    dags = BundleDagBag(folder / "dags", bundle_path=folder / "dags", bundle_name="dags-folder").dags
    told = {
        "stay": run(dags["wave_ten-stay"], stay, "ten-stay"),
        "take back": run(dags["wave_ten-back"], back, "ten-back"),
    }
    mend(stay["b"])
    told["anew"] = run(dags["wave_ten-stay"], stay, "ten-stay")
    kill_once(stay["a"], KILLED)
    by_hand = dags["rollback"]
    by_hand.get_task("take_back").partial_kwargs["retry_delay"] = timedelta(seconds=1)
    for name in ("by hand", "again"):
        first = told["stay"]["run"]
        told[name] = run(by_hand, stay, "ten-stay", first, wave="ten-stay", run=first, committed=True)
    sys.stdout.write(f"\n{json.dumps(told)}\n")


if __name__ == "__main__":
    main()
