"""Run by a test in a process of its own: what users start from a form, in a real Airflow that runs every task in here.

form_runs.py FOLDER      prints as its last line, in JSON, what became of each run
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.utils.db import upgradedb
from people import People, nobody_in_time, says
from ten_machines import Killed, hosts

from drover.evidence.store import RunStore, default_root
from drover.migration import approval
from drover_airflow import evacuation
from drover_airflow.form import form


def kill_before_the_yes_is_kept():
    """The worker that carries the first yes is ended before it wrote it down."""
    keep = approval.answered

    def end(move, answer):
        if answer.choice is approval.Choice.APPROVE:
            approval.answered = keep
            raise Killed
        return keep(move, answer)

    approval.answered = end


def run(dag, asks, both, does=(), **answers):
    """:param asks: the form; its answers are given in full, because a tested DAG keeps those of the run before."""
    people = People(dag.dag_id, does)
    people.start()
    done = dag.test(run_conf={name: param.value for name, param in asks.items() if name not in answers} | answers)
    people.join(300)
    found = RunStore(default_root(), dag.dag_id, done.run_id)
    names = {name for host in both.values() for name in host.known}
    return {
        "state": str(done.state),
        "tasks": {f"{ti.task_id} {ti.map_index}": str(ti.state) for ti in done.get_task_instances()},
        "told": people.told,
        "runs_at": {vm: [n for n, h in both.items() if str(h.state(vm)) == "running"] for vm in names},
        "records": {
            vm: [[r.outcome, r.facts] for r in found.machine(vm).records() if r.step == "approval"] for vm in names
        },
    }


def main():
    folder = Path(sys.argv[1])
    one, all_of_it = (
        hosts(folder / "one", setattr, names=("db1", "db2", "db3")),
        hosts(folder / "all", setattr, "c", "d", names=("app1", "app2")),
    )
    upgradedb()
    DagBundlesManager().sync_bundles_to_db()
    dags = BundleDagBag(folder / "dags", bundle_path=folder / "dags", bundle_name="dags-folder").dags
    by_hand, evacuate = dags["migrate_vm"], dags["evacuate_host"]
    by_hand.get_task("machine.approval").retry_delay = timedelta(0)
    common = {"networks": {"production": "production"}, "backup_folder": str(folder / "backup")}
    ends = {"source": "a", "target": "b", **common}
    asking = {"approval": True, "approvers": ["alice"]}
    kill_before_the_yes_is_kept()
    told = {
        "asked": run(
            by_hand,
            form(),
            one,
            (
                says("mallory", "approve"),
                says("alice", "postpone"),
                says("alice", "approve"),
                says("alice", "approve", "roll back"),
            ),
            machine="db1",
            at_once=1,
            **ends,
            **asking,
        ),
        "nobody": run(by_hand, form(), one, [nobody_in_time], machine="db2", approval=True, **ends),
        "mistake": run(by_hand, form(), one, machine="db3", approvers=["alice"], **ends),
        "unasked": run(by_hand, form(), one, machine="db3", **ends),
        "all": run(
            evacuate,
            evacuation.form(),
            all_of_it,
            (says("alice", "approve"), says("alice", "roll back")),
            source="c",
            host="c",
            targets=["d"],
            prefer="cold",
            at_once_link=1,
            **common,
            **asking,
        ),
    }
    sys.stdout.write(f"\n{json.dumps(told)}\n")


if __name__ == "__main__":
    main()
