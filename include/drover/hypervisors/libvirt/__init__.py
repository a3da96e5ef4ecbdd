"""KVM hosts under libvirt: `connect` opens one. Nothing heavy is imported before that.

What a connection of kind `libvirt` holds: host, port (SSH, 22), login, password (of the login, or the passphrase of
the key) and these extra fields, all optional:

    private_key / private_key_file      text or path of the SSH key; without one, the agent and ~/.ssh are asked
    known_hosts / known_hosts_file      text or path; default ~/.ssh/known_hosts
    verify_host_key                     false turns host key verification off: explicit, and a concern
    peer_uri                            the libvirt URI at which other hosts reach this one for live moves
    migrate_uri                         where QEMU of other hosts reaches this one for live moves: tcp://address
    migrate_tls                         true: live moves use TLS between the hosts' QEMUs, which need certificates
    libvirt_socket                      libvirt's unix socket on the host, where it is not in the usual place
"""

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.port import Hypervisor


def connect(spec: ConnectionSpec) -> Hypervisor:
    """Opens the host. :raises RetryableError: it does not answer. :raises OperatorNeededError: it refuses."""
    from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor

    return LibvirtHypervisor(spec)
