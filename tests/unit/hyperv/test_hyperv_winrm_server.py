"""The simulated host itself: messages as Windows writes them, its quotas, and what it refuses to make up."""

import base64
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
import xmltodict
from hyperv_peer import Peer
from winrm.exceptions import WinRMTransportError, WSManFaultError
from winrm.protocol import Protocol

from drover.hypervisors.hyperv import bootstrap, shell
from drover.hypervisors.hyperv.session import Session

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"

# A Create's answer and a fault of real Windows (recorded by the tests of pypsrp), with its ids and addresses taken out.
CREATED = (
    "<x:ResourceCreated><a:Address>URL</a:Address><a:ReferenceParameters><w:ResourceURI>http://schemas.microsoft.com/"
    'wbem/wsman/1/windows/shell/cmd</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">ID</w:Selector>'
    '</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated><rsp:Shell xmlns:rsp="http://schemas.microsoft.com/'
    'wbem/wsman/1/windows/shell"><rsp:ShellId>ID</rsp:ShellId><rsp:ResourceUri>http://schemas.microsoft.com/wbem/'
    "wsman/1/windows/shell/cmd</rsp:ResourceUri><rsp:Owner>USER</rsp:Owner><rsp:ClientIP>ADDRESS</rsp:ClientIP>"
    '<rsp:Environment><rsp:Variable Name="env1">var1</rsp:Variable></rsp:Environment>'
    "<rsp:IdleTimeOut>PT7200.000S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout "
    "stderr</rsp:OutputStreams><rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime><rsp:ShellInactivity>P0DT0H0M0S"
    "</rsp:ShellInactivity></rsp:Shell>"
)
NO_SUCH_COMMAND = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>w:InvalidSelectors</s:Value></s:Subcode></s:Code>"
    '<s:Reason><s:Text xml:lang="en-US">The WS-Management service cannot process the request because the request '
    "contained invalid selectors for the resource. </s:Text></s:Reason><s:Detail><w:FaultDetail>http://schemas.dmtf."
    'org/wbem/wsman/1/wsman/faultDetail/UnexpectedSelectors</w:FaultDetail><f:WSManFault xmlns:f="http://schemas.'
    'microsoft.com/wbem/wsman/1/wsmanfault" Code="2150858843" Machine="hv-a"><f:Message>The Windows Remote Shell '
    "received a request to perform an operation on a command identifier that does not exist. Either the command has "
    "completed execution or the client specified an invalid command identifier. </f:Message></f:WSManFault></s:Detail>"
    "</s:Fault>"
)
BAD_RECEIVE = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>w:InvalidParameter</s:Value></s:Subcode></s:Code>"
    '<s:Reason><s:Text xml:lang="en-US">The parameter is incorrect. </s:Text></s:Reason><s:Detail><w:FaultDetail>'
    'http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/InvalidValue</w:FaultDetail><f:WSManFault xmlns:f="http://'
    'schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="87" Machine="hv-a"><f:Message><f:ProviderFault provider="'
    'Shell cmd plugin" path="%systemroot%\\system32\\winrscmd.dll">The parameter is incorrect. </f:ProviderFault>'
    "</f:Message></f:WSManFault></s:Detail></s:Fault>"
)


@pytest.fixture
def protocol(peer: Peer) -> Iterator[Protocol]:
    """pywinrm, sealed by NTLM; every shell that it opens is closed."""
    made = Session(peer.spec("ntlm", "http"))._connect()
    yield made
    for left in peer.shells:
        made.close_shell(left["id"], close_session=False)
    made.transport.close_session()


def body(message: bytes) -> str:
    found = re.search(r"<s:Body>(.*)</s:Body>", message.decode(), re.DOTALL)
    assert found
    return found[1]


def send(protocol: Protocol, action: str, resource: str = f"{SHELL}/cmd", **inside: Any) -> bytes:
    envelope = protocol.build_wsman_header(action=action, resource_uri=resource)
    if "shell_id" in inside:
        envelope = protocol.build_wsman_header(action, resource, shell_id=inside.pop("shell_id"))
    envelope["env:Body"] = inside
    return protocol.send_message(xmltodict.unparse({"env:Envelope": envelope}))


def fault(call: Callable[[], object]) -> WSManFaultError:
    with pytest.raises(WSManFaultError) as caught:
        call()
    return caught.value


def test_a_shell_is_created_as_on_windows(protocol: Protocol) -> None:
    given = {"rsp:InputStreams": "stdin", "rsp:OutputStreams": "stdout stderr"}
    given["rsp:Environment"] = {"rsp:Variable": {"@Name": "env1", "#text": "var1"}}
    message = send(protocol, f"{TRANSFER}/Create", **{"rsp:Shell": given})
    said = re.sub(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", "ID", body(message))
    said = re.sub(r"<a:Address>[^<]+", "<a:Address>URL", said)
    said = re.sub(r"<rsp:Owner>[^<]+", "<rsp:Owner>USER", said)
    assert re.sub(r"<rsp:ClientIP>[^<]+", "<rsp:ClientIP>ADDRESS", said) == CREATED


@pytest.mark.parametrize(("attributes", "expected"), [({"@CommandId": "87E7"}, NO_SUCH_COMMAND), ({}, BAD_RECEIVE)])
def test_faults_are_those_of_windows(protocol: Protocol, attributes: dict[str, str], expected: str) -> None:
    shell_id = protocol.open_shell()
    desired = {"rsp:DesiredStream": {**attributes, "#text": "stdout stderr"}}
    error = fault(lambda: send(protocol, f"{SHELL}/Receive", shell_id=shell_id, **{"rsp:Receive": desired}))
    assert body(error.response.encode()) == expected


def test_an_answer_names_the_request(protocol: Protocol) -> None:
    message = send(protocol, f"{TRANSFER}/Get", shell_id=protocol.open_shell())
    root = ElementTree.fromstring(message)
    addressing = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
    assert root.findtext(f".//{addressing}Action") == f"{TRANSFER}/GetResponse"
    assert (root.findtext(f".//{addressing}RelatesTo") or "").startswith("uuid:")
    assert "<rsp:ChildProcesses>0</rsp:ChildProcesses>" in body(message)


def test_shells_are_listed_with_their_mark(peer: Peer, protocol: Protocol) -> None:
    ours = protocol.open_shell(env_vars={shell.MARK: "ours"})
    protocol.open_shell(env_vars={shell.MARK: "theirs"})
    assert shell.marked(protocol, "ours") == [ours]
    assert shell.marked(protocol, "nobody's") == []


def test_a_user_sees_his_own_shells_only(peer: Peer, protocol: Protocol) -> None:
    theirs = Session(peer.spec(login="operator"))._connect()
    other = theirs.open_shell(env_vars={shell.MARK: "ours"})
    assert shell.marked(protocol, "ours") == []
    assert fault(lambda: protocol.close_shell(other, close_session=False)).wsman_fault_code == 2150858843
    theirs.close_shell(other)


def test_thirty_shells_and_no_more(peer: Peer, protocol: Protocol) -> None:
    """The tests' host allows three."""
    for _ in range(3):
        protocol.open_shell()
    error = fault(protocol.open_shell)
    assert (error.wsman_fault_code, error.fault_subcode) == (2150859173, "w:QuotaLimit")
    assert "maximum number of 3 concurrent shells" in error.response


def test_so_many_commands_and_no_more(peer: Peer, protocol: Protocol) -> None:
    """The tests' host allows two."""
    shell_id = protocol.open_shell(codepage=65001)
    for _ in range(2):
        protocol.run_command(shell_id, bootstrap.command_line(), console_mode_stdin=False)
    assert fault(lambda: protocol.run_command(shell_id, "x")).wsman_fault_code == 2150859241


def test_a_message_that_is_too_large(protocol: Protocol) -> None:
    shell_id = protocol.open_shell(codepage=65001)
    command_id = protocol.run_command(shell_id, bootstrap.command_line(), console_mode_stdin=False)
    much = b" " * (500 * 1024 * 3 // 4 + 1)
    assert fault(lambda: protocol.send_command_input(shell_id, command_id, much)).wsman_fault_code == 2150858805
    protocol.send_command_input(shell_id, command_id, much[: 490 * 1024 * 3 // 4])


def test_input_after_its_end_is_refused(protocol: Protocol) -> None:
    shell_id = protocol.open_shell(codepage=65001)
    command_id = protocol.run_command(shell_id, bootstrap.command_line(), console_mode_stdin=False)
    protocol.send_command_input(shell_id, command_id, bootstrap.document("echo", {}), end=True)
    assert fault(lambda: protocol.send_command_input(shell_id, command_id, b"x")).wsman_fault_code == 87


def test_an_answer_fits_what_the_client_takes(protocol: Protocol) -> None:
    """153,600 bytes, which pywinrm says it takes: so 400 kB come in several answers."""
    shell_id = protocol.open_shell(codepage=65001)
    command_id = protocol.run_command(shell_id, bootstrap.command_line(), console_mode_stdin=False)
    document = bootstrap.document("echo", {"text": "x" * 300_000})
    for at in range(0, len(document), 65536):
        last = at + 65536 >= len(document)
        protocol.send_command_input(shell_id, command_id, document[at : at + 65536], end=last)
    sizes, out, done = [], b"", False
    while not done:
        more, _, code, done = protocol.get_command_output_raw(shell_id, command_id)
        sizes.append(len(base64.b64encode(more)))
        out += more
    assert len(out) > 400_000
    assert len(sizes) > 3
    assert max(sizes) < 153_600
    assert code == 0


@pytest.mark.parametrize(
    ("action", "resource", "inside"),
    [
        (f"{SHELL}/Disconnect", f"{SHELL}/cmd", {"rsp:Disconnect": None}),
        (f"{TRANSFER}/Get", "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service", {}),
        (f"{TRANSFER}/Create", "http://schemas.microsoft.com/powershell/Microsoft.PowerShell", {"rsp:Shell": None}),
        (f"{TRANSFER}/Create", f"{SHELL}/cmd", {"rsp:Shell": {"rsp:Lifetime": "PT60S"}}),
    ],
)
def test_what_is_not_modelled_is_refused_and_noted(
    peer: Peer, protocol: Protocol, action: str, resource: str, inside: dict[str, Any]
) -> None:
    with pytest.raises(WinRMTransportError) as caught:
        send(protocol, action, resource, **inside)
    assert caught.value.code == 501
    assert len(peer.status()["unmodelled"]) == 1
    peer.ask("clear")


def test_a_command_that_is_not_modelled_is_refused_and_noted(peer: Peer, protocol: Protocol) -> None:
    shell_id = protocol.open_shell()
    command_id = protocol.run_command(shell_id, "format c:")
    out, err, code = protocol.get_command_output(shell_id, command_id)
    assert (out, code) == (b"", 250)
    assert err.startswith(b"The simulated host does not model this: the command 'format c:'")
    assert peer.status()["unmodelled"] == ["the command 'format c:'"]
    peer.ask("clear")


def test_identify_needs_no_login(peer: Peer) -> None:
    envelope = (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body><i:Identify '
        'xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"/></s:Body></s:Envelope>'
    )
    url = peer.url("http").replace("/wsman", "/wsman-anon/identify")
    with urllib.request.urlopen(urllib.request.Request(url, envelope.encode())) as answer:
        assert b"<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>" in answer.read()


def test_who_is_not_logged_in_hears_how_he_may(peer: Peer) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(peer.url("http"), b"<x/>"))
    assert caught.value.code == 401
    assert caught.value.headers.get_all("WWW-Authenticate") == ["Negotiate", "Kerberos", "CredSSP"]
