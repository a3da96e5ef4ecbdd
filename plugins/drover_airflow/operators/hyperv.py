"""Operators of Hyper-V hosts, for DAGs of one's own. A wave uses those of `drover_airflow.operators.migration`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from drover_airflow.hooks.hyperv import HypervHook
from drover_airflow.operators.base import DroverOperator
from drover_airflow.operators.hypervisor import InventoryOperator, LiveMigrationOperator, PowerOperator

if TYPE_CHECKING:
    from drover.hypervisors.hyperv.session import Session


class HypervInventoryOperator(InventoryOperator):
    """The inventory of a Hyper-V host. :param conn_id: connection of type `hyperv`. (templated)"""

    hook = HypervHook


class HypervPowerOperator(PowerOperator):
    """Starts a machine of a Hyper-V host, or shuts it down through its integration services."""

    hook = HypervHook


class HypervMigrationOperator(LiveMigrationOperator):
    """Moves a running machine to another Hyper-V host by Live Migration, its disks with it."""


class _HostOperator(DroverOperator):
    """Work at one Hyper-V host."""

    def __init__(self, *, conn_id: str = HypervHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id

    @contextmanager
    def _session(self) -> "Iterator[Session]":
        from drover.hypervisors.hyperv.hypervisor import HypervHypervisor

        with self.plainly(), HypervHook(self.conn_id).get_conn() as hypervisor:
            if not isinstance(hypervisor, HypervHypervisor):
                raise AirflowFailException(f"The connection '{self.conn_id}' is not one of the type hyperv.")
            yield hypervisor.session


class HypervCheckpointOperator(_HostOperator):
    """Takes a checkpoint of a machine, or removes it. Only those that this operator took are ever removed.

    :param machine: its name. (templated) :param purpose: tells this checkpoint from others. (templated)
    :param state: `present` (one that is there is replaced) or `absent`.
    """

    template_fields: Sequence[str] = ("conn_id", "machine", "purpose")

    def __init__(self, *, machine: str, purpose: str, state: str = "present", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.machine = machine
        self.purpose = purpose
        self.state = state

    def execute(self, context: Context) -> None:
        if self.state not in ("present", "absent"):
            raise AirflowFailException(f"'{self.state}' is no state of a checkpoint: use 'present' or 'absent'.")
        from drover.hypervisors.hyperv import checkpoints

        with self._session() as session:
            (checkpoints.take if self.state == "present" else checkpoints.drop)(session, self.machine, self.purpose)


class HypervExportOperator(_HostOperator):
    """Exports a machine to a folder of its host, in Hyper-V's own format (Export-VM), with the digest of each file.

    :param machine: its name. (templated) :param folder: is made, as in `D:\\Exports\\web`. (templated)
    """

    template_fields: Sequence[str] = ("conn_id", "machine", "folder")

    def __init__(self, *, machine: str, folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.machine = machine
        self.folder = folder

    def execute(self, context: Context) -> dict[str, Any]:
        from drover.hypervisors.hyperv import folders

        with self._session() as session:
            done = folders.export_to(session, self.machine, self.folder)
        return {"path": done.path, "files": dict(done.files), "bytes": done.bytes}


class HypervImportOperator(_HostOperator):
    """Makes a machine of what was exported to a folder of the host (Import-VM); it is off, the export stays.

    :param folder: (templated) :param called: its name, if not the exported one's. (templated)
    :param switch: for adapters whose own virtual switch is not there. :param volume: where its files go, as `D:`.
    :param new_id: it becomes another machine than the exported one.
    """

    template_fields: Sequence[str] = ("conn_id", "folder", "called", "switch", "volume")

    def __init__(
        self,
        *,
        folder: str,
        called: str | None = None,
        switch: str | None = None,
        volume: str | None = None,
        new_id: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.folder = folder
        self.called = called
        self.switch = switch
        self.volume = volume
        self.new_id = new_id

    def execute(self, context: Context) -> dict[str, Any]:
        from drover.hypervisors.hyperv import folders

        with self._session() as session:
            made = folders.import_from(
                session, self.folder, name=self.called, switch=self.switch, new_id=self.new_id, pool=self.volume
            )
        return {"machine": made.name, "id": made.id}
