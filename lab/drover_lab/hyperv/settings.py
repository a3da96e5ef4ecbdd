"""How one simulated host is started: a JSON file, read strictly."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Port:
    """Where the host listens. :param port: 0 lets the kernel choose; the control socket tells."""

    address: str
    port: int
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """:param name: what the host calls itself.
    :param control: path of the control socket, for whoever owns the lab.
    :param runner: `module:name` of what makes the runner; it is called with `runner_options`.
    :param passwords: user -> password, for Basic; NTLM reads NTLM_USER_FILE, Kerberos KRB5_KTNAME.
    :param client_certificates: SHA-256 of a client's certificate -> user.
    """

    name: str
    control: str
    ports: tuple[Port, ...]
    runner: str
    runner_options: dict[str, Any] = field(default_factory=dict)
    certificate: str | None = None
    key: str | None = None
    client_ca: str | None = None
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    client_certificates: dict[str, str] = field(default_factory=dict)
    administrators: tuple[str, ...] = ("administrator",)
    quotas: dict[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Settings":
        values = json.loads(path.read_text())
        values["ports"] = tuple(Port(**port) for port in values["ports"])
        if "administrators" in values:
            values["administrators"] = tuple(values["administrators"])
        return cls(**values)
