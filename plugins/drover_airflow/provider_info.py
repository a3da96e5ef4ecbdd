"""What Airflow's provider manager is told of Drover: its connection types, with their forms and hooks.

Light on purpose: every Airflow component reads this when it starts.
"""

from typing import Any

_TEXT = {"type": ["string", "null"]}
_LONG_TEXT = {"type": ["string", "null"], "format": "multiline"}


def get_provider_info() -> dict[str, Any]:
    return {
        "package-name": "drover",
        "name": "Drover",
        "description": "Moves virtual machines between hypervisors in waves, and proves that the data arrived.",
        "hooks": [
            {"integration-name": "libvirt", "python-modules": ["drover_airflow.hooks.libvirt"]},
            {"integration-name": "vsphere", "python-modules": ["drover_airflow.hooks.vsphere"]},
            {"integration-name": "hyperv", "python-modules": ["drover_airflow.hooks.hyperv"]},
        ],
        "integrations": [
            {
                "integration-name": "libvirt",
                "external-doc-url": "https://libvirt.org/uri.html",
                "tags": ["service"],
            },
            {
                "integration-name": "vsphere",
                "external-doc-url": "https://www.vmware.com/products/cloud-infrastructure/vsphere",
                "tags": ["service"],
            },
            {
                "integration-name": "hyperv",
                "external-doc-url": "https://learn.microsoft.com/windows-server/virtualization/hyper-v/",
                "tags": ["service"],
            },
        ],
        "operators": [
            {"integration-name": "libvirt", "python-modules": ["drover_airflow.operators.libvirt"]},
            {"integration-name": "vsphere", "python-modules": ["drover_airflow.operators.vsphere"]},
            {"integration-name": "hyperv", "python-modules": ["drover_airflow.operators.hyperv"]},
        ],
        "triggers": [
            {"integration-name": "libvirt", "python-modules": ["drover_airflow.triggers.libvirt"]},
            {"integration-name": "vsphere", "python-modules": ["drover_airflow.triggers.vsphere"]},
            {"integration-name": "hyperv", "python-modules": ["drover_airflow.triggers.hyperv"]},
        ],
        "connection-types": [_libvirt(), _vsphere(), _hyperv()],
    }


def _limits() -> dict[str, Any]:
    return _field(
        "Limits",
        'Moved at once, whichever wave asks, as JSON: {"host": 2, "storage": 2, "link": 4}. Empty: any number.',
        _TEXT,
    )


def _libvirt() -> dict[str, Any]:
    return {
        "connection-type": "libvirt",
        "hook-class-name": "drover_airflow.hooks.libvirt.LibvirtHook",
        "hook-name": "libvirt host (KVM)",
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {
                "host": "Host",
                "port": "SSH port",
                "login": "SSH user",
                "password": "SSH password (better: a private key)",
            },
            "placeholders": {"host": "kvm1.example.org", "port": "22", "login": "root"},
        },
        "conn-fields": {
            # Secrets have names that Airflow masks by itself, in logs and in the form.
            "private_key": _field("Private key", "PEM text of the SSH key. Kept secret.", _LONG_TEXT),
            "private_key_file": _field("Private key file", "Instead of the text: its path on every worker.", _TEXT),
            "known_hosts": _field("Known hosts", "Lines as in ~/.ssh/known_hosts for this host.", _LONG_TEXT),
            "known_hosts_file": _field("Known hosts file", "Instead of the lines: a path on every worker.", _TEXT),
            "verify_host_key": _field(
                "Verify the host key",
                "Leave this on. Off, anyone on the way can pose as this host; pre-flight reports it.",
                {"type": "boolean", "default": True},
            ),
            "peer_uri": _field(
                "URI for other hosts",
                "How another hypervisor reaches this one for a live move, e.g. qemu+ssh://root@10.0.0.12/system. "
                "Empty: built from user and host.",
                _TEXT,
            ),
            "migrate_uri": _field(
                "URI of its QEMU",
                "Where the other host's QEMU reaches this one for a live move, e.g. tcp://10.0.0.12. "
                "Empty: libvirt's choice.",
                _TEXT,
            ),
            "migrate_tls": _field(
                "TLS in live moves to this host",
                "Both hosts need libvirt's migration certificates. Off, a live move crosses the network unencrypted; "
                "pre-flight reports it.",
                {"type": "boolean", "default": False},
            ),
            "uri_path": _field(
                "libvirt instance", "/system, unless this host runs another.", {**_TEXT, "default": "/system"}
            ),
            "libvirt_socket": _field("libvirt's socket", "Its path on the host, where that is unusual.", _TEXT),
            "limits": _limits(),
        },
    }


def _vsphere() -> dict[str, Any]:
    return {
        "connection-type": "vsphere",
        "hook-class-name": "drover_airflow.hooks.vsphere.VsphereHook",
        "hook-name": "VMware vSphere (vCenter or ESXi)",
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {"host": "vCenter or ESXi host", "login": "User", "password": "Password"},
            "placeholders": {"host": "vcenter.example.org", "port": "443", "login": "drover@vsphere.local"},
        },
        "conn-fields": {
            "ca": _field("CA certificate", "PEM text of the CA that signed the server's certificate.", _LONG_TEXT),
            "ca_file": _field("CA certificate file", "Instead of the text: its path on every worker.", _TEXT),
            "thumbprint": _field(
                "Certificate thumbprint",
                "Instead of a CA: SHA-256 (or SHA-1) of the server's certificate. This one and no other is taken.",
                _TEXT,
            ),
            "verify_certificate": _field(
                "Verify the certificate",
                "Leave this on. Off, anyone on the way can pose as this server; pre-flight reports it.",
                {"type": "boolean", "default": True},
            ),
            "datacenter": _field("Datacenter", "Where machines are made, where there are several.", _TEXT),
            "compute": _field("ESXi host or cluster", "Where machines go unless the wave says otherwise.", _TEXT),
            "folder": _field("Folder", "Where in the inventory machines go, as folder/folder.", _TEXT),
            "trial_jump": _field("Way into the test network", "user@host:port of an SSH host with a leg in it.", _TEXT),
            "trial_jump_key_file": _field("Key file for it", "A path on every worker.", _TEXT),
            "trial_jump_known_hosts_file": _field("Known hosts file for it", "A path on every worker.", _TEXT),
            "limits": _limits(),
        },
    }


def _hyperv() -> dict[str, Any]:
    return {
        "connection-type": "hyperv",
        "hook-class-name": "drover_airflow.hooks.hyperv.HypervHook",
        "hook-name": "Microsoft Hyper-V host",
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {"host": "Host", "port": "WinRM port", "login": "User", "password": "Password"},
            "placeholders": {"host": "hv1.example.org", "port": "5986", "login": "drover@EXAMPLE.ORG"},
        },
        "conn-fields": {
            "transport": _field(
                "Login by",
                "ntlm, kerberos, credssp, certificate or basic. Kerberos takes the user as name@REALM.",
                {**_TEXT, "default": "ntlm"},
            ),
            "scheme": _field(
                "Scheme", "https; http only with ntlm, kerberos or credssp.", {**_TEXT, "default": "https"}
            ),
            "ca": _field("CA certificate", "PEM text of the CA that signed the host's certificate.", _LONG_TEXT),
            "ca_file": _field("CA certificate file", "Instead of the text: its path on every worker.", _TEXT),
            "verify_certificate": _field(
                "Verify the certificate",
                "Leave this on. Off, anyone on the way can pose as this host; pre-flight reports it.",
                {"type": "boolean", "default": True},
            ),
            "cert_file": _field(
                "Own certificate file", "For the login by certificate: its path on every worker.", _TEXT
            ),
            "key_file": _field("Its key file", "A path on every worker.", _TEXT),
            "kdc": _field("KDC", "host:port, where the worker's krb5.conf does not know the realm.", _TEXT),
            "kerberos_host": _field("Name in the domain", "Where the host above is an address.", _TEXT),
            "delegation": _field(
                "Delegate the login",
                "Kerberos only: lets this host use the login at a second one.",
                {"type": "boolean", "default": False},
            ),
            "smb_encrypt": _field(
                "Encrypt disks on their way",
                "Leave this on. Off, the disks' bytes cross the network readable for everybody on the way.",
                {"type": "boolean", "default": True},
            ),
            "smb_port": _field("SMB port", "Where the host shares files. Empty: 445.", _TEXT),
            "trial_jump": _field("Way into the test network", "user@host:port of an SSH host with a leg in it.", _TEXT),
            "trial_jump_key_file": _field("Key file for it", "A path on every worker.", _TEXT),
            "trial_jump_known_hosts_file": _field("Known hosts file for it", "A path on every worker.", _TEXT),
            "limits": _limits(),
        },
    }


def _field(label: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": schema}
