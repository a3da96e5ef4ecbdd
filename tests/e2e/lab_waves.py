"""Wave files for a lab, and the evidence that their runs left."""

import json
from pathlib import Path

from drover.evidence.store import MachineStore, RunStore
from drover_lab.demo.home import Home
from drover_lab.lab import Lab


def write_wave(home: Home, lab: Lab, name: str, machines: list[dict[str, object]], **more: object) -> Path:
    """A wave file for this lab. JSON is YAML too."""
    document = {
        "wave": name,
        "source": "lab_kvm_a",
        "target": "lab_kvm_b",
        "mappings": {"networks": {"production": "production"}, "storage": {"default": "default"}},
        "backup": {"folder": str(home.backups)},
        "machines": [{"checks": [health_check(lab, str(machine["name"]))], **machine} for machine in machines],
        **more,
    }
    home.waves.mkdir(parents=True, exist_ok=True)
    path = home.waves / f"{name}.yaml"
    path.write_text(json.dumps(document, indent=2))
    return path


def health_check(lab: Lab, machine: str) -> dict[str, object]:
    return {"http": {"url": f"{lab.machines[machine].url}/health", "contains": f'"{machine}"'}}


def newest_store(home: Home, wave: str, machine: str) -> MachineStore:
    """The evidence of the wave's newest run."""
    folders = [folder for folder in (home.store / wave).iterdir() if (folder / ".run.json").exists()]
    newest = max(folders, key=lambda folder: folder.stat().st_ctime_ns)
    return RunStore.at(newest).machine(machine)
