"""Hyper-V hosts, reached over WinRM. Nothing heavy is imported before a host is opened.

What a connection of kind `hyperv` holds: host, port (5986 with HTTPS, 5985 without), login, password, and these extra
fields, all optional:

    transport                   ntlm (default), kerberos, credssp, certificate or basic
    scheme                      https (default) or http; with http, only ntlm, kerberos and credssp, which seal messages
    ca_file / ca                path or PEM text of the CA that issued the host's certificate; default: the system's CAs
    verify_certificate          false turns the verification of the host's certificate off: explicit, and a concern
    cert_file, key_file         the certificate that the transport `certificate` logs in with, and its key
    kdc                         host:port of the KDC, where the system's krb5.conf does not know the realm
    kerberos_host               what the host is called in the domain, where the connection names an address
    delegation                  true: the login by Kerberos can be used at a second host
    smb_encrypt                 false turns encryption of the disks' bytes on their way off: explicit
    smb_port                    where files are shared, 445
    trial_jump                  user@host:port of an SSH host with a leg in the test network, for a trial's checks;
                                trial_jump_key_file and trial_jump_known_hosts_file beside it

Kerberos logs in as `user@REALM`, with the connection's password.
"""

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.port import Hypervisor


def connect(spec: ConnectionSpec) -> Hypervisor:
    """Opens the host. :raises BadInputError: the connection cannot work as it is written; nobody was asked yet."""
    from drover.hypervisors.hyperv.hypervisor import HypervHypervisor

    return HypervHypervisor(spec)
