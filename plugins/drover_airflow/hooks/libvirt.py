"""The hook of the connection type `libvirt`: a KVM host, reached over SSH."""

from typing import ClassVar

from drover_airflow.hooks.base import HypervisorHook


class LibvirtHook(HypervisorHook):
    """Opens a KVM host through libvirt over SSH. Its fields are described in `drover_airflow.provider_info`."""

    default_conn_name: ClassVar[str] = "libvirt_default"
    conn_type: ClassVar[str] = "libvirt"
    hook_name: ClassVar[str] = "libvirt host (KVM)"
