"""The hook of the connection type `vsphere`: a vCenter, or a single ESXi host."""

from typing import ClassVar

from drover_airflow.hooks.base import HypervisorHook


class VsphereHook(HypervisorHook):
    """Opens a vCenter through its API. Its fields are described in `drover_airflow.provider_info`."""

    default_conn_name: ClassVar[str] = "vsphere_default"
    conn_type: ClassVar[str] = "vsphere"
    hook_name: ClassVar[str] = "VMware vSphere (vCenter or ESXi)"
