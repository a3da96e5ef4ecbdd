"""Operators of Hyper-V hosts, for DAGs of one's own. A wave uses those of `drover_airflow.operators.migration`."""

from drover_airflow.hooks.hyperv import HypervHook
from drover_airflow.operators.hypervisor import InventoryOperator, PowerOperator


class HypervInventoryOperator(InventoryOperator):
    """The inventory of a Hyper-V host. :param conn_id: connection of type `hyperv`. (templated)"""

    hook = HypervHook


class HypervPowerOperator(PowerOperator):
    """Starts a machine of a Hyper-V host, or shuts it down through its integration services."""

    hook = HypervHook
