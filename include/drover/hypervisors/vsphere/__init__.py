"""vCenter and single ESXi hosts: `connect` opens one. Nothing heavy is imported before that.

What a connection of kind `vsphere` holds: host, port (443), login, password and these extra fields, all optional:

    thumbprint           SHA-256 or SHA-1 of the server's certificate: this one and no other, instead of a CA
    ca_file / ca         path or PEM text of the CA that signed it; without one, the CAs that this machine trusts
    verify_certificate   false turns verification off: explicit, and a concern
    datacenter           where machines are made, where there is more than one datacenter
    compute              the ESXi host or cluster that machines go to by default
    folder               the folder that machines go to, as `folder` or `folder/folder`
"""

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.port import Hypervisor


def connect(spec: ConnectionSpec) -> Hypervisor:
    """Opens the vCenter. :raises RetryableError: it does not answer. :raises OperatorNeededError: it refuses."""
    from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor

    return VsphereHypervisor(spec)
