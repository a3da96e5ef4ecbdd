"""Operators of vSphere, for DAGs of one's own. A wave uses those of `drover_airflow.operators.migration`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from drover.model import Progress
from drover_airflow.hooks.vsphere import VsphereHook
from drover_airflow.operators.base import DroverOperator
from drover_airflow.operators.hypervisor import InventoryOperator, LiveMigrationOperator, PowerOperator
from drover_airflow.triggers.vsphere import VsphereSnapshotTrigger


class VsphereInventoryOperator(InventoryOperator):
    """The inventory of a vCenter. :param conn_id: connection of type `vsphere`. (templated)"""

    hook = VsphereHook


class VspherePowerOperator(PowerOperator):
    """Starts a machine of a vCenter, or shuts it down through VMware Tools."""

    hook = VsphereHook


class VsphereMigrationOperator(LiveMigrationOperator):
    """Moves a running machine by vMotion: to another vCenter, or to another host of the same one."""


class VsphereSnapshotOperator(DroverOperator):
    """Takes a snapshot of a machine, quiesced where VMware Tools run, or removes it. The wait needs no worker.

    Only snapshots that this operator took are ever removed; taking one again replaces it.

    :param machine: its name. (templated) :param purpose: tells this snapshot from others. (templated)
    :param state: `present` or `absent`.
    """

    template_fields: Sequence[str] = ("conn_id", "machine", "purpose")

    def __init__(
        self,
        *,
        machine: str,
        purpose: str,
        state: str = "present",
        conn_id: str = VsphereHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.machine = machine
        self.purpose = purpose
        self.state = state

    def execute(self, context: Context) -> None:
        if self.state not in ("present", "absent"):
            raise AirflowFailException(f"'{self.state}' is no state of a snapshot: use 'present' or 'absent'.")
        from drover.hypervisors.vsphere import snapshots
        from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor

        with self.plainly(), VsphereHook(self.conn_id).get_conn() as hypervisor:
            if not isinstance(hypervisor, VsphereHypervisor):
                raise AirflowFailException(f"The connection '{self.conn_id}' is not one of the type vsphere.")
            if self.state == "absent":
                snapshots.remove_for(hypervisor.session, self.machine, self.purpose)
                return
            task = snapshots.begin_for(hypervisor.session, self.machine, self.purpose)
        self.defer(
            trigger=VsphereSnapshotTrigger(conn_id=self.conn_id, task=task, machine=self.machine, purpose=self.purpose),
            method_name="execute_complete",
            timeout=self.execution_timeout,
        )

    def execute_complete(self, context: Context, event: dict[str, str]) -> None:
        if event.get("status") != "done":
            raise AirflowException(event.get("message") or "The trigger gave no reason.")
        self.log.info("%s", event["message"])


class VsphereExportOperator(DroverOperator):
    """Writes a machine as an OVF folder or one OVA file, with the digests of what is in it.

    :param machine: its name. (templated) :param target: `*.ova`, or a folder that is made. (templated)
    """

    template_fields: Sequence[str] = ("conn_id", "machine", "target")

    def __init__(
        self, *, machine: str, target: str, conn_id: str = VsphereHook.default_conn_name, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.machine = machine
        self.target = target

    def execute(self, context: Context) -> dict[str, Any]:
        from drover.ovf.exporting import export_machine

        # The same at each try, on whichever worker: what a killed one froze is found, and no other reader's is touched.
        reader = f"export to {self.target} by {context['ti'].dag_id}/{self.task_id}"
        with self.plainly(), VsphereHook(self.conn_id).get_conn(reader) as hypervisor:
            done = export_machine(hypervisor, self.machine, Path(self.target), progress=self._tell)
        return {"path": str(done.path), "files": dict(done.files), "bytes": done.bytes}

    def _tell(self, progress: Progress) -> None:
        self.log.debug("%s: %s of %s bytes", progress.label, progress.done, progress.total)


class VsphereImportOperator(DroverOperator):
    """Makes a machine from an OVA file or an OVF folder; it is off, and its disks were read back.

    :param package: the file or folder. (templated)
    :param called: the new machine's name, if not the package's. (templated)
    :param networks: network in the package to network here.
    :param datastore: where the disks go. :param host: ESXi host.
    """

    template_fields: Sequence[str] = ("conn_id", "package", "called", "datastore", "host")

    def __init__(
        self,
        *,
        package: str,
        called: str | None = None,
        networks: Mapping[str, str] | None = None,
        datastore: str | None = None,
        host: str | None = None,
        conn_id: str = VsphereHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.package = package
        self.called = called
        self.networks = networks
        self.datastore = datastore
        self.host = host

    def execute(self, context: Context) -> dict[str, Any]:
        from drover.ovf.importing import import_package

        with self.plainly(), VsphereHook(self.conn_id).get_conn() as hypervisor:
            done = import_package(
                hypervisor,
                Path(self.package),
                name=self.called,
                networks=self.networks,
                pool=self.datastore,
                host=self.host,
                progress=self._tell,
            )
        for note in done.notes:
            self.log.warning("%s", note)
        return {"machine": done.machine.name, "manifest": done.manifest, "digests": dict(done.digests)}

    def _tell(self, progress: Progress) -> None:
        self.log.debug("%s: %s of %s bytes", progress.label, progress.done, progress.total)
