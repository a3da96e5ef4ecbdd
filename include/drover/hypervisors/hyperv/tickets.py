"""Kerberos tickets from a connection's password. They live in this process's memory and nowhere else."""

import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from drover.errors import BadInputError, DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.hyperv.errors import CLOCK_LIMIT, clock_error
from drover.hypervisors.hyperv.target import Target

# libkrb5 reads its settings from the environment, so these are the whole process's: one login at a time.
_lock = threading.Lock()
_configured: dict[str, Path] = {}
# Until when the ticket of a login is good, in seconds since 1970.
_valid: dict[tuple[str, str, bool], float] = {}
_RESERVE = 600

_PREAUTH_FAILED = -1765328360
_UNKNOWN_USER = -1765328378
_CLOCK_SKEW = -1765328347
_REVOKED = -1765328366
_EXPIRED = -1765328361
_UNREACHABLE = {-1765328228, -1765328164}
_UNKNOWN_REALM = -1765328230


@contextmanager
def ticket(target: Target, login: str, password: str) -> Iterator[None]:
    """Has a ticket of this login where pywinrm's Kerberos looks for it; log in inside.

    :raises OperatorNeededError: the domain refuses. :raises RetryableError: its KDC does not answer.
    """
    # Each kind has a cache of its own: a ticket that may not be passed on would replace one that may.
    cache = f"MEMORY:{login}{':delegated' if target.delegation else ''}"
    with _lock:
        _get(target, login, password, cache)
        os.environ["KRB5CCNAME"] = cache
        yield


def _get(target: Target, login: str, password: str, cache_name: str) -> None:
    import krb5

    user, _, realm = login.rpartition("@")
    if target.kdc:
        _configure(target, realm)
    if _valid.get((login, password, target.delegation), 0) > time.time():
        return
    context = krb5.init_context()
    try:
        principal = krb5.parse_name_flags(context, f"{user}@{realm}".encode())
        options = krb5.get_init_creds_opt_alloc(context)
        krb5.get_init_creds_opt_set_forwardable(options, target.delegation)
        credential = krb5.get_init_creds_password(context, principal, options, password=password.encode())
        cache = krb5.cc_resolve(context, cache_name.encode())
        krb5.cc_initialize(context, cache, principal)
        krb5.cc_store_cred(context, cache, credential)
    except krb5.Krb5Error as error:
        raise _explained(target, login, realm, error) from error
    # libkrb5 would follow the KDC's clock, and the host then refuse the login without saying why.
    skew = timedelta(seconds=credential.times.authtime - time.time())
    if abs(skew) > CLOCK_LIMIT:
        raise clock_error(f"the KDC of {realm}", skew)
    _valid[login, password, target.delegation] = credential.times.endtime - _RESERVE


def _configure(target: Target, realm: str) -> None:
    """Tells libkrb5 of this realm's KDC, beside what the system says of others."""
    kdc = target.kdc or ""
    if not re.fullmatch(r"[A-Za-z0-9.-]+", realm) or not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", kdc):
        raise BadInputError(
            f"The connection '{target.id}' has a realm or a kdc that cannot be one.",
            remedy="Write the login as user@REALM and the kdc as host or host:port.",
        )
    # A host is called what the connection says, not what DNS makes of it.
    text = "[libdefaults]\n    dns_canonicalize_hostname = false\n    rdns = false\n"
    text += f"[realms]\n    {realm} = {{\n        kdc = {kdc}\n    }}\n"
    known = _configured.get(realm)
    if known and known.read_text() == text:
        return
    if not known:
        known = Path(tempfile.mkdtemp(prefix="drover-krb5-")) / "krb5.conf"
        rest = os.environ.get("KRB5_CONFIG") or "/etc/krb5.conf"
        os.environ["KRB5_CONFIG"] = f"{known}:{rest}"
        _configured[realm] = known
    known.write_text(text)


def _explained(target: Target, login: str, realm: str, error: Exception) -> DroverError:
    code = getattr(error, "err_code", None)
    if code in (_PREAUTH_FAILED, _UNKNOWN_USER):
        return OperatorNeededError(
            f"The domain refuses the login {login} of the connection '{target.id}'.", remedy="Check login and password."
        )
    if code in (_REVOKED, _EXPIRED):
        return OperatorNeededError(
            f"The account or the password of {login} has expired or is locked.", remedy="Renew it in the domain."
        )
    if code == _CLOCK_SKEW:
        return clock_error(f"the KDC of {realm}", None)
    if code in _UNREACHABLE:
        return RetryableError(f"No KDC of {realm} answers.", remedy="Try again when it does, or correct the kdc.")
    if code == _UNKNOWN_REALM:
        return OperatorNeededError(
            f"Nothing here says where the KDC of {realm} is.", remedy="Name it as kdc in the connection."
        )
    said = " ".join(str(error).split()).rstrip(".")
    return OperatorNeededError(f"Kerberos in {realm} says: {said}.", remedy="Correct that in the domain.")
