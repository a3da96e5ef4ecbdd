"""The hook of the connection type `hyperv`: a Microsoft Hyper-V host."""

from typing import ClassVar

from drover_airflow.hooks.base import HypervisorHook


class HypervHook(HypervisorHook):
    """Opens a Hyper-V host through WinRM. Its fields are described in `drover_airflow.provider_info`."""

    default_conn_name: ClassVar[str] = "hyperv_default"
    conn_type: ClassVar[str] = "hyperv"
    hook_name: ClassVar[str] = "Microsoft Hyper-V host"
