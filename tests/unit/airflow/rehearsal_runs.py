"""Run by a test in a process of its own: a wave and its rehearsal in a real Airflow, which runs every task in here.

rehearsal_runs.py FOLDER      prints as its last line, in JSON, what became of each run
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.utils.db import upgradedb
from ten_machines import hosts

NAMES = ("db", "web")
WAVE = """wave: night
source: a
target: b
mappings:
  networks: {{production: production}}
  storage: {{default: default}}
  test_network: isolated
backup: {{folder: {folder}/backup}}
rehearsal: {{required: 7 days}}
machines:
  - {{name: db, strategy: cold, boot_deadline: 2 s}}
  - {{name: web, strategy: cold, boot_deadline: 2 s, after: [db]}}
"""


def run(dag, both):
    for host in both.values():
        host.calls.clear()
    done = dag.test()
    return {
        "state": str(done.state),
        "tasks": {ti.task_id: str(ti.state) for ti in done.get_task_instances()},
        "machines": {side: {name: str(vm.state) for name, vm in host.known.items()} for side, host in both.items()},
        "calls": {side: sorted(set(host.calls)) for side, host in both.items()},
    }


def main():
    folder = Path(sys.argv[1])
    both = hosts(folder, setattr, names=NAMES)
    (folder / "waves" / "night.yaml").write_text(WAVE.format(folder=folder))
    upgradedb()
    DagBundlesManager().sync_bundles_to_db()
    dags = BundleDagBag(folder / "dags", bundle_path=folder / "dags", bundle_name="dags-folder").dags
    told = {"not rehearsed": run(dags["wave_night"], both), "rehearsal": run(dags["rehearse_night"], both)}
    (disk,) = both["a"].known["web"].disks
    both["a"].change("web", disks=(disk, replace(disk, name="vdb")))
    told["another disk"] = run(dags["wave_night"], both)
    sys.stdout.write(f"\n{json.dumps(told)}\n")


if __name__ == "__main__":
    main()
