"""One opened vCenter or ESXi host: pyvmomi over connections that we verify, logged in again when that has run out."""

import io
import logging
import threading
import xml.etree.ElementTree as ET
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from http.client import HTTPException
from typing import Any

from drover.errors import BadInputError, DroverError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.vsphere.errors import server_errors
from drover.hypervisors.vsphere.http import Http
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.tls import trust_of

# Seconds without an answer after which the server counts as gone. Waits for tasks ask for less (see tasks.py).
CALL_SECONDS = 120.0
# A vCenter forgets a session that said nothing for half an hour; a long download says nothing to it.
_ALIVE_SECONDS = 300.0
# Servers and what stands before them close connections that are idle; one that is older is not tried.
_IDLE_SECONDS = 20
# Calls that change nothing but the session's own views, and so may be repeated when the connection broke on the way.
_READS = (
    "Retrieve",
    "CurrentTime",
    "Find",
    "Query",
    "Fetch",
    "Check",
    "WaitForUpdates",
    "CreateContainerView",
    "CreatePropertyCollector",
    "CreateFilter",
)
# What every API since vSphere 5.5 understands: enough to ask which one it is.
_FIRST_VERSION = "vim.version.version9"


class Session:
    """A login. :attr name: what the server is called in messages: the connection's host.

    :attr logins: how often it logged in. What lives in a session (views, filters, pages) is gone after the next one.
    """

    def __init__(self, spec: ConnectionSpec) -> None:
        if not spec.login or spec.password is None:
            raise BadInputError(
                f"The connection '{spec.id}' has no {'password' if spec.login else 'login'}.",
                remedy="Fill in login and password of a vSphere user.",
            )
        self.spec = spec
        self.name = spec.host
        self.port = spec.port or 443
        self.trust = trust_of(spec)
        self.logins = 0
        # What the package's modules remember of the server for a while, by what they call it.
        self.memory: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.stub: Any = None
        try:
            with self.errors():
                self.stub = self._open_stub(_FIRST_VERSION)
                self.stub = self._open_stub(_best_version(self.service_instance.RetrieveContent().about.apiVersion))
                self._log_in(0)
        except BaseException:
            self.close()
            raise
        threading.Thread(target=self._stay, name=f"vsphere {self.name}", daemon=True).start()

    @property
    def service_instance(self) -> Any:
        """pyvmomi's `vim.ServiceInstance`."""
        from pyVmomi import vim

        return vim.ServiceInstance("ServiceInstance", self.stub)

    @cached_property
    def content(self) -> Any:
        """pyvmomi's `vim.ServiceInstanceContent`."""
        with self.errors():
            return self.service_instance.RetrieveContent()

    def errors(self) -> AbstractContextManager[None]:
        """What pyvmomi and HTTP raise inside becomes a DroverError that names this server."""
        return server_errors(self.name)

    def call(self, mo: Any, method: str, *args: Any) -> Node | None:
        """A call whose answer stays XML (see nodes.py): its `returnval`, None where there is none."""
        with self.errors():
            answer: Node | None = self._invoke(self._call_for_xml, mo, mo._GetMethodInfo(method), args)
            return answer

    def http(self) -> Http:
        """HTTPS with this login, for /folder and /nfc."""
        return Http(self.name, self.port, self.trust, lambda: str(self.stub.cookie), self.renew)

    def renew(self) -> None:
        """Logs in again where the login has run out."""
        logins = self.logins
        with self.errors():
            if self.content.sessionManager.currentSession is None:
                self._log_in(logins)

    def close(self) -> None:
        """Logs out; the server may be gone already."""
        self._closed.set()
        if self.stub is None:
            return
        with suppress(Exception):
            if self.logins:
                self.content.sessionManager.Logout()
        self.stub.DropConnections()

    def _open_stub(self, version: str) -> Any:
        from pyVmomi import SoapStubAdapter

        stub = SoapStubAdapter(
            self.name,
            self.port,
            version=version,
            sslContext=self.trust.context,
            connectionPoolTimeout=_IDLE_SECONDS,
        )
        stub.scheme = lambda host, port, **_: self.trust.connection(host.strip("[]"), port, CALL_SECONDS)
        call = stub.InvokeMethod
        # On the object, so that managed objects that come back with an answer are called through it as well.
        stub.InvokeMethod = lambda mo, info, args: self._invoke(call, mo, info, args)
        return stub

    def _invoke(self, call: Any, mo: Any, info: Any, args: Any) -> Any:
        """One call: again after a new login where the old one has run out, and again where a read's line broke."""
        from pyVmomi import vim

        if self._closed.is_set() and info.wsdlName != "Logout":
            raise ConnectionAbortedError("it was closed here")
        logins = self.logins
        try:
            return call(mo, info, args)
        except vim.fault.NotAuthenticated:
            self._log_in(logins)
        except (OSError, HTTPException):
            if not info.wsdlName.startswith(_READS):
                raise
        return call(mo, info, args)

    def _call_for_xml(self, mo: Any, info: Any, args: Any) -> Node | None:
        """pyvmomi's own InvokeMethod, but for what it makes of an answer that is no fault."""
        from pyVmomi import SoapAdapter

        stub = self.stub
        headers = {"Cookie": stub.cookie, "SOAPAction": stub.versionId, "Content-Type": "text/xml; charset=UTF-8"}
        line = stub.GetConnection()
        try:
            line.request("POST", stub.path, stub.SerializeRequest(mo, info, args), headers)
            answer = line.getresponse()
            body = answer.read()
        except BaseException:
            line.close()
            raise
        stub.ReturnConnection(line)
        if answer.status == 500:
            raise SoapAdapter.SoapResponseDeserializer(stub).Deserialize(io.BytesIO(body), info.result)
        if answer.status != 200:
            raise HTTPException(f"{answer.status} {answer.reason}")
        return ET.fromstring(body).find("./{*}Body/{*}*/{*}returnval")

    def _log_in(self, logins: int) -> None:
        """:param logins: as seen before the call that failed: of many threads, the first one logs in."""
        with self._lock:
            if self.logins != logins:
                return
            self.stub.cookie = ""
            self.content.sessionManager.Login(self.spec.login, self.spec.password, None)
            self.logins += 1

    def _stay(self) -> None:
        while not self._closed.wait(_ALIVE_SECONDS):
            try:
                self.renew()
            except DroverError as error:  # Whoever makes the next call is told.
                logging.getLogger(__name__).debug("%s", error)


def _best_version(offered: str) -> str:
    """The newest API version that both pyvmomi and the server know. :param offered: `8.0.3.0`."""
    from pyVmomi import VmomiSupport

    for version in VmomiSupport.GetServiceVersions("vim25"):  # the newest first
        known = VmomiSupport.versionIdMap[version]
        if known[:1].isdigit() and _numbers(known) <= _numbers(offered):
            return str(version)
    return _FIRST_VERSION


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
