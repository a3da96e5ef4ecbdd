"""Operators of KVM hosts, for DAGs of one's own. A wave uses those of `drover_airflow.operators.migration`."""

from drover_airflow.hooks.libvirt import LibvirtHook
from drover_airflow.operators.hypervisor import InventoryOperator, LiveMigrationOperator, PowerOperator


class LibvirtInventoryOperator(InventoryOperator):
    """The inventory of a KVM host. :param conn_id: connection of type `libvirt`. (templated)"""

    hook = LibvirtHook


class LibvirtPowerOperator(PowerOperator):
    """Starts or shuts down a machine of a KVM host."""

    hook = LibvirtHook


class LibvirtLiveMigrationOperator(LiveMigrationOperator):
    """Moves a running machine to another KVM host with its storage. The source stays defined."""
