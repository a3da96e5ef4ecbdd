"""Every operator of the plugin with what is right for it, and what becomes of a text in each of its places."""

import importlib
import inspect
import itertools
import pkgutil
from typing import Any

from airflow.sdk import BaseOperator
from named_hosts import FOLDER, PLAIN

import drover_airflow.operators as package
from drover_airflow.operators import (
    approval,
    decommission,
    evacuation,
    form,
    hyperv,
    libvirt,
    migration,
    mistake,
    report,
    take_back,
    vsphere,
    waiting,
    wave_preflight,
)  # fmt: skip

DONE, DEFERRED = "it is done", "it is deferred"
# What is no text, or one of a few words that the operator names itself when it refuses another.
NO_NAMES = {"state", "deadline", "answers", "bandwidth", "new_id", "only_left"}


def moving(kind: str) -> dict[str, Any]:
    return {"source_conn_id": f"{kind}_l", "target_conn_id": f"{kind}_r", "machine": PLAIN, "bandwidth": None}


def of_stage() -> dict[str, Any]:
    return {"wave": "wave.yaml", "machine": PLAIN}


# What takes a wave and a machine's key. Each goes through a whole move, too, in `test_airflow_names_moves`.
BY_WAVE = (
    migration.InventoryOperator, migration.PreflightOperator, migration.BaselineOperator, migration.BackupOperator,
    migration.RestoreTestOperator, migration.RehearsalOperator, waiting.WindowOperator, migration.TransferOperator,
    migration.ValidateOperator, migration.TrialOperator, approval.ApprovalOperator, migration.CutoverOperator,
    migration.PerformanceOperator, migration.CommitOperator, migration.RollbackOperator,
)  # fmt: skip
# Each operator with what is right for it.
RIGHT: dict[type[BaseOperator], dict[str, Any]] = {
    hyperv.HypervInventoryOperator: {"conn_id": "hyperv_l"},
    hyperv.HypervPowerOperator: {
        "conn_id": "hyperv_l", "machine": PLAIN, "state": "off", "deadline": 5.0, "answers": None,
    },
    hyperv.HypervMigrationOperator: {
        **moving("hyperv"), "networks": {"production": "production"}, "storage": {"D:": "D:"}, "host": None,
    },
    hyperv.HypervCheckpointOperator: {
        "conn_id": "hyperv_l", "machine": PLAIN, "purpose": "update", "state": "present",
    },
    hyperv.HypervExportOperator: {"conn_id": "hyperv_l", "machine": PLAIN, "folder": "D:\\Exports\\plain"},
    hyperv.HypervImportOperator: {
        "conn_id": "hyperv_l", "folder": FOLDER, "called": "again", "switch": None, "volume": None,
        "new_id": True,
    },
    vsphere.VsphereInventoryOperator: {"conn_id": "vsphere_l"},
    vsphere.VspherePowerOperator: {
        "conn_id": "vsphere_l", "machine": PLAIN, "state": "off", "deadline": 1.0, "answers": None,
    },
    vsphere.VsphereMigrationOperator: {
        **moving("vsphere"), "networks": {"production": "production"}, "storage": {"datastore1": "datastore1"},
        "host": "esx-t2",
    },
    vsphere.VsphereSnapshotOperator: {
        "conn_id": "vsphere_l", "machine": PLAIN, "purpose": "update", "state": "present",
    },
    vsphere.VsphereExportOperator: {"conn_id": "vsphere_l", "machine": PLAIN, "target": "plain.ova"},
    vsphere.VsphereImportOperator: {
        "conn_id": "vsphere_l", "package": "exported.ova", "called": "again", "networks": {"production": "production"},
        "datastore": "datastore1", "host": None,
    },
    libvirt.LibvirtInventoryOperator: {"conn_id": "libvirt_l"},
    libvirt.LibvirtPowerOperator: {
        "conn_id": "libvirt_l", "machine": PLAIN, "state": "off", "deadline": 1.0, "answers": None,
    },
    libvirt.LibvirtLiveMigrationOperator: {
        **moving("libvirt"), "networks": {"production": "production"}, "storage": {"default": "default"}, "host": None,
    },
    **{each: of_stage() for each in BY_WAVE},
    decommission.DecommissionOperator: {"wave": "w", "run": "r", "machine": PLAIN, "days": 0},
    decommission.DecommissionApprovalOperator: {"machines": []},
    take_back.TakeBackOperator: {"wave": "w", "run": "r", "machine": PLAIN, "only_left": False},
    take_back.AfterFailureOperator: {"wave": "wave.yaml"},
    report.ReportOperator: {"wave": "wave.yaml"},
    wave_preflight.WavePreflightOperator: {"wave": "wave.yaml"},
    mistake.MistakeOperator: {"mistakes": "It is wrong."},
    form.FormOperator: {},
    evacuation.EvacuationOperator: {},
}  # fmt: skip


def parameters(operator: type[BaseOperator]) -> set[str]:
    """What its own constructors take, Airflow's left out."""
    own = [each for each in operator.__mro__ if each.__module__.startswith("drover_airflow.")]
    made = [inspect.unwrap(each.__dict__["__init__"]) for each in own if "__init__" in each.__dict__]
    return {
        one.name for each in made for one in inspect.signature(each).parameters.values() if one.kind is one.KEYWORD_ONLY
    }


def operators() -> set[type[BaseOperator]]:
    """Every operator of the plugin that is not only there for others to be made of."""
    found: set[type[BaseOperator]] = set()
    for one in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{one.name}")
        own = (each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__)
        found |= {each for each in own if inspect.isclass(each) and issubclass(each, BaseOperator)}
    return {each for each in found if not any(other is not each and issubclass(other, each) for other in found)}


# What becomes of a text in this place: of every operator that has it, then of one.
SAYS = {
    "conn_id": "There is no Airflow connection '{}'.",
    "source_conn_id": "There is no Airflow connection '{}'.",
    "target_conn_id": "There is no Airflow connection '{}'.",
    "wave": "The wave file {} has a mistake:\n  there is no such file",
    "run": "Nothing is known of a run '{}' of the wave 'w'.",
    "mistakes": "{}",
    **{f"{each.__name__} machine": "The wave 'wave' has no machine '{}'." for each in BY_WAVE},
    "DecommissionOperator wave": "Nothing is known of a run 'r' of the wave '{}'.",
    "DecommissionOperator machine": "Nothing is known of a run 'r' of the wave 'w'.",
    "DecommissionOperator days": "Nothing is known of a run 'r' of the wave 'w'.",
    "DecommissionApprovalOperator machines": "Nothing is known of a run '{}' of the wave '{}'.",
    "TakeBackOperator wave": "Nothing is known of a run 'r' of the wave '{}'.",
    "TakeBackOperator machine": "Nothing is known of a run 'r' of the wave 'w'.",
    "HypervPowerOperator machine": DONE,
    "HypervCheckpointOperator machine": DONE,
    "HypervCheckpointOperator purpose": DONE,
    "HypervExportOperator machine": DONE,
    "HypervExportOperator folder": DONE,
    "HypervImportOperator folder": "Cannot find path '{}' because it does not exist.",
    "HypervImportOperator called": DONE,
    "HypervImportOperator switch": DONE,
    "HypervImportOperator volume": "The storage '{}' does not exist on 127.0.0.1.",
    "HypervMigrationOperator machine": "Machine '{}' on 127.0.0.1 is off, so it cannot be moved live.",
    "HypervMigrationOperator networks": "The virtual switch '{}' does not exist on 127.0.0.1.",
    "HypervMigrationOperator storage": "The storage '{}' does not exist on 127.0.0.1.",
    "HypervMigrationOperator host": "There is no host '{}' behind the connection to 127.0.0.1",
    "VspherePowerOperator machine": DONE,
    "VsphereSnapshotOperator machine": DEFERRED,
    "VsphereSnapshotOperator purpose": DEFERRED,
    "VsphereExportOperator machine": DONE,
    "VsphereExportOperator target": DONE,
    "VsphereImportOperator package": "/{}. Name an OVA file or the folder of an OVF package.",
    "VsphereImportOperator called": DONE,
    "VsphereImportOperator networks": "The network '{}' does not exist on 127.0.0.1.",
    "VsphereImportOperator datastore": "The datastore '{}' does not exist on 127.0.0.1.",
    "VsphereImportOperator host": "There is no ESXi host or cluster '{}' on 127.0.0.1.",
    "VsphereMigrationOperator machine": "Machine '{}' on 127.0.0.1 is off, so it cannot be moved live.",
    # No machine runs here that has an adapter; what becomes of such a mapping, the import shows.
    "VsphereMigrationOperator networks": DEFERRED,
    "VsphereMigrationOperator storage": "The datastore '{}' does not exist on 127.0.0.1.",
    "VsphereMigrationOperator host": "There is no ESXi host or cluster '{}' on 127.0.0.1.",
    "LibvirtPowerOperator machine": DONE,
    "LibvirtLiveMigrationOperator machine": DEFERRED,
    "LibvirtLiveMigrationOperator networks": "The network '{}' does not exist on kvm-r.",
    "LibvirtLiveMigrationOperator storage": "The storage pool '{}' does not exist on kvm-r.",
    # A connection to KVM leads to one host, so nobody reads it.
    "LibvirtLiveMigrationOperator host": DEFERRED,
}
# Where a line break is refused and no other of these names is.
_NONE = "There is no machine named {!r} on "
NO_LINE_BREAKS = {
    "HypervExportOperator machine": "The given path's format is not supported.",
    "HypervExportOperator folder": "'{}' is no folder of a Windows host.",
    "HypervImportOperator folder": "'{}' is no folder of a Windows host.",
    "VsphereImportOperator called": "No machine can be named {!r}: that has a line break",
    **{f"Vsphere{each}Operator machine": _NONE for each in ("Power", "Snapshot", "Export", "Migration")},
    **{f"Libvirt{each}Operator machine": _NONE for each in ("Power", "LiveMigration")},
}

CASES = [
    (operator, parameter)
    for operator in sorted(RIGHT, key=lambda each: (each.__module__, each.__name__))
    for parameter in sorted(set(RIGHT[operator]) - NO_NAMES)
]
_fresh = itertools.count()


def given(operator: type[BaseOperator], parameter: str, name: str) -> tuple[dict[str, Any], str]:
    """All parameters with the text in this place, and the text itself."""
    right = dict(RIGHT[operator])
    # What must not be there yet.
    if "called" in right:
        right["called"] = f"copy {next(_fresh)}"
    if operator is hyperv.HypervExportOperator:
        right["folder"] = f"D:\\Exports\\{next(_fresh)}"
    folder = "Imports" if operator is hyperv.HypervImportOperator else "Exports"
    text = {"folder": f"D:\\{folder}\\{name}", "called": f"{name} again"}.get(parameter, name)
    value: Any = text
    if isinstance(right[parameter], dict):
        value = dict.fromkeys(right[parameter], text)
    if parameter == "machines":
        value = [{"wave": text, "run": text, "machine": text, "days": 0}]
    return {**right, parameter: value}, text
