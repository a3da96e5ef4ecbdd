"""Operators that every kind of hypervisor has, for DAGs of one's own; each kind gives them its name and connection."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from drover.hypervisors.port import Hypervisor, LiveMover, TargetSettings
from drover.model import Ownership, to_json
from drover_airflow.hooks.base import HypervisorHook
from drover_airflow.operators.base import DroverOperator
from drover_airflow.triggers.hypervisor import GuestAnswersTrigger, LiveMigrationTrigger


class InventoryOperator(DroverOperator):
    """Returns the inventory of a connection: its hosts, machines, networks and storage pools, as plain JSON.

    :param conn_id: connection of any hypervisor. (templated)
    """

    template_fields: Sequence[str] = ("conn_id",)
    ui_color = "#e8eef7"
    hook: ClassVar[type[HypervisorHook]] = HypervisorHook

    def __init__(self, *, conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id or self.hook.default_conn_name

    def execute(self, context: Context) -> dict[str, Any]:
        with self.plainly(), HypervisorHook(self.conn_id).get_conn() as hypervisor:
            host, machines = hypervisor.host(), hypervisor.machines()
            found = {
                "connection": self.conn_id,
                "host": to_json(host),
                "hosts": [to_json(one) for one in hypervisor.hosts()],
                # The hypervisor's own definition may be long and is kept by the backup, where it belongs.
                "machines": [to_json(machine) | {"native": ""} for machine in machines],
                "networks": [to_json(network) for network in hypervisor.networks()],
                "pools": [to_json(pool) for pool in hypervisor.pools()],
            }
        for machine in machines:
            size = sum(disk.size for disk in machine.disks)
            self.log.info(
                "%s: %s, %s CPUs, %s bytes of memory, %s disks of %s bytes",
                machine.name, machine.state, machine.cpu.count, machine.memory, len(machine.disks), size,
            )  # fmt: skip
        self.log.info("%s: %s machines.", host.name, len(machines))
        return found


class PowerOperator(DroverOperator):
    """Starts or shuts down a machine; does nothing where it is so already.

    :param machine: its name. (templated) :param state: `running` or `off`.
    :param deadline: seconds that a shutdown, or a boot with `answers`, may take. A shutdown is never forced.
    :param answers: (address, port) at which the started machine must answer; waited for without a worker.
    """

    template_fields: Sequence[str] = ("conn_id", "machine")
    hook: ClassVar[type[HypervisorHook]] = HypervisorHook

    def __init__(
        self,
        *,
        machine: str,
        state: str,
        conn_id: str | None = None,
        deadline: float = 120.0,
        answers: tuple[str, int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id or self.hook.default_conn_name
        self.machine = machine
        self.state = state
        self.deadline = deadline
        self.answers = answers

    def execute(self, context: Context) -> None:
        if self.state not in ("running", "off"):
            raise AirflowFailException(f"'{self.state}' is no state to bring a machine to: use 'running' or 'off'.")
        with self.plainly(), HypervisorHook(self.conn_id).get_conn() as hypervisor:
            if self.state == "off":
                hypervisor.shut_down(self.machine, self.deadline)
            else:
                hypervisor.power_on(self.machine)
        self.log.info("%s is %s.", self.machine, self.state)
        if self.state == "running" and self.answers:
            address, port = self.answers
            end = time.time() + self.deadline
            self.defer(
                trigger=GuestAnswersTrigger(address=address, port=port, deadline=end), method_name="execute_complete"
            )

    def execute_complete(self, context: Context, event: dict[str, str]) -> None:
        if event.get("status") != "done":
            raise AirflowException(event.get("message", "The trigger gave no reason."))
        self.log.info("%s", event["message"])


class LiveMigrationOperator(DroverOperator):
    """Moves a running machine to another host with its storage. The wait needs no worker.

    This is the bare move: backup, validation and rollback are what a wave adds.

    :param networks: :param storage: source name to target name. :param bandwidth: bytes a second, None for no limit.
    :param host: at which of the target's hosts, where it has several. (templated)
    """

    template_fields: Sequence[str] = ("source_conn_id", "target_conn_id", "machine", "host")

    def __init__(
        self,
        *,
        machine: str,
        source_conn_id: str,
        target_conn_id: str,
        networks: Mapping[str, str],
        storage: Mapping[str, str],
        bandwidth: int | None = None,
        host: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.machine = machine
        self.source_conn_id = source_conn_id
        self.target_conn_id = target_conn_id
        self.networks = networks
        self.storage = storage
        self.bandwidth = bandwidth
        self.host = host

    def execute(self, context: Context) -> None:
        with self.plainly(), self._source() as source, HypervisorHook(self.target_conn_id).get_conn() as target:
            if not isinstance(source, LiveMover):
                raise AirflowFailException(f"The host of '{self.source_conn_id}' cannot move a running machine.")
            uuid = source.machine(self.machine).uuid
            owner = Ownership(context["ti"].dag_id, context["ti"].run_id, self.machine, uuid, "target")
            settings = TargetSettings(networks=self.networks, storage=self.storage, owner=owner, host=self.host)
            source.start_live(self.machine, target, settings, bandwidth=self.bandwidth, paused=False)
        self.log.info("%s: the live move runs on the hosts; waiting for it without a worker.", self.machine)
        self.defer(
            trigger=LiveMigrationTrigger(
                source_conn_id=self.source_conn_id, target_conn_id=self.target_conn_id, machine=self.machine
            ),
            method_name="execute_complete",
            timeout=self.execution_timeout,
        )

    def execute_complete(self, context: Context, event: dict[str, str]) -> dict[str, Any]:
        if event.get("status") != "done":
            raise AirflowException(event.get("message") or f"The live move of '{self.machine}' did not succeed.")
        with self.plainly(), self._source() as source, HypervisorHook(self.target_conn_id).get_conn() as target:
            assert isinstance(source, LiveMover)
            status = source.live_status(self.machine, target)
        self.log.info("%s: moved %s bytes, stood still for %s s.", self.machine, status.done, status.downtime)
        return {"bytes": status.done, "downtime_seconds": status.downtime}

    def _source(self) -> Hypervisor:
        return HypervisorHook(self.source_conn_id).get_conn()
