"""A Kerberos realm: a real MIT KDC with a configuration, a database and a port of its own."""

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drover_lab.process import run, wait_until, write_atomically

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

_KRB5_CONF = """\
[libdefaults]
    default_realm = {name}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
[realms]
    {name} = {{
        kdc = {address}:{port}
    }}
[dbmodules]
    {name} = {{
        db_library = db2
        database_name = {folder}/principal
    }}
[logging]
    kdc = FILE:{folder}/kdc.log
"""

_KDC_CONF = """\
[kdcdefaults]
    kdc_listen = {address}:{port}
    kdc_tcp_listen = {address}:{port}
[realms]
    {name} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
        default_principal_flags = +preauth
    }}
"""


@dataclass(frozen=True, slots=True)
class Realm:
    """:param name: in capitals. :param folder: private to the realm. :param port: of the KDC, at `address`."""

    name: str
    folder: Path
    port: int
    address: str = "127.0.0.1"

    @classmethod
    def anywhere(cls, name: str, folder: Path) -> "Realm":
        """On a loopback port that is free now."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return cls(name, folder, probe.getsockname()[1])

    @property
    def kdc(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to live in this realm."""
        return {"KRB5_CONFIG": str(self.folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf")}

    def make(self, passwords: Mapping[str, str], services: Mapping[str, Path]) -> None:
        """Makes the database. :param passwords: user -> password. :param services: principal -> its keytab."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        values = {"name": self.name, "folder": self.folder, "port": self.port, "address": self.address}
        write_atomically(self.folder / "krb5.conf", _KRB5_CONF.format(**values))
        write_atomically(self.folder / "kdc.conf", _KDC_CONF.format(**values))
        master = secrets.token_urlsafe(24)
        create = [_tool("kdb5_util"), "create", "-s", "-r", self.name]
        run(create, stdin=f"{master}\n{master}\n", environment=self.environment)
        # Passwords go by standard input: a command line can be read by everybody.
        orders = [f'addprinc -pw "{password}" "{user}"' for user, password in passwords.items()]
        for principal, keytab in services.items():
            orders += [f'addprinc -randkey "{principal}"', f'ktadd -k "{keytab}" "{principal}"']
        run([_tool("kadmin.local"), "-r", self.name], stdin="\n".join(orders) + "\n", environment=self.environment)

    def start(self, environment: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """The running KDC, which answers; whoever starts it ends it."""
        command = [_tool("krb5kdc"), "-n", "-r", self.name]
        with open(self.folder / "kdc.out", "ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment, **(environment or {})},
            )
        wait_until(f"the KDC of {self.name} answers", self._answers, deadline=20, interval=0.05)
        return process

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.address, self.port)) == 0


def _tool(name: str) -> str:
    return shutil.which(name, path=_PATH) or name
