"""Tags of the tagging service, read over REST: told by the plan, and never passed over where nobody can read them."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from test_vsphere_unmovable import NAME, concerns
from vcenter_process import LOGIN, PASSWORD, VCenter, make_machine

from drover.hypervisors.vsphere import attached, inventory, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import Category


class Client:
    """REST as any client speaks it. :attr ask: method, path below /rest/com/vmware/cis, body; its `value`."""

    def __init__(self, hypervisor: VsphereHypervisor) -> None:
        self._http = hypervisor.session.http()
        login = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}
        self._headers = {"vmware-api-session-id": self.ask("POST", "session")}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        text = json.dumps(body).encode() if body is not None else None
        with self._http.open(
            method, f"/rest/com/vmware/cis/{path}", headers=self._headers, body=text, login=False
        ) as answer:
            said = answer.read()
        return json.loads(said).get("value") if said else None

    def category(self, name: str) -> Any:
        wanted = {"name": name, "description": "", "cardinality": "MULTIPLE", "associable_types": []}
        return self.ask("POST", "tagging/category", {"create_spec": wanted})

    def tag(self, category: str, name: str) -> Any:
        wanted = {"name": name, "description": "", "category_id": category}
        return self.ask("POST", "tagging/tag", {"create_spec": wanted})

    def attach(self, tag: str, machine: Any) -> None:
        target = {"object_id": {"id": machine._moId, "type": "VirtualMachine"}}
        self.ask("POST", f"tagging/tag-association/id:{tag}?~action=attach", target)


@pytest.fixture
def made(hypervisor: VsphereHypervisor) -> Iterator[Any]:
    machine = make_machine(hypervisor.session, NAME)
    yield machine
    tasks.wait(hypervisor.session, machine.Destroy_Task(), "cleaning up", deadline=30)


@pytest.fixture
def tagged(hypervisor: VsphereHypervisor, made: Any) -> Iterator[Any]:
    client = Client(hypervisor)
    backup, owner = client.category("backup"), client.category("owner <&>")
    for tag in (client.tag(backup, "gold"), client.tag(owner, "Ann, Bob / it")):
        client.attach(tag, made)
    client.tag(backup, "silver")
    yield made
    for category in (backup, owner):
        client.ask("DELETE", f"tagging/category/id:{category}")


def test_tags_stay_behind_and_the_plan_says_which(hypervisor: VsphereHypervisor, tagged: Any) -> None:
    assert hypervisor.machine(NAME).devices == ("tag backup/gold", "tag owner <&>/Ann, Bob / it")
    found = concerns(hypervisor)["translation.notes"]
    assert (found.category, found.label) == (Category.INFORMATION, "Tags stay behind")
    assert found.assessment.startswith(f"Machine '{NAME}' has tags (backup/gold, owner <&>/Ann, Bob / it). Rules and ")


def test_a_machine_without_tags_has_none(hypervisor: VsphereHypervisor, made: Any) -> None:
    assert "translation.notes" not in concerns(hypervisor)


def test_where_rest_does_not_answer_nobody_can_tell(vcenter: VCenter, hypervisor: VsphereHypervisor, made: Any) -> None:
    vcenter.ask("faults", faults={"rest_down": True})
    try:
        found = concerns(hypervisor)["translation.notes"]
    finally:
        vcenter.ask("faults", faults={})
    assert (found.category, found.label) == (Category.WARNING, "Tags unknown")
    assert found.assessment.startswith(
        f"Nobody can tell whether machine '{NAME}' has tags: 127.0.0.1 answers 503 Service Unavailable to POST "
        "/rest/com/vmware/cis/session. What it has stays behind"
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([{"object_id": "vm-1"}], "127.0.0.1 answers in a way that Drover does not know"),
        ("no list", "127.0.0.1 answers in a way that Drover does not know"),
    ],
)
def test_an_answer_that_nobody_knows_is_no_tags(
    hypervisor: VsphereHypervisor, monkeypatch: pytest.MonkeyPatch, answer: Any, why: str
) -> None:
    from contextlib import nullcontext

    ask: Callable[..., Any] = lambda *_: answer  # noqa: E731
    monkeypatch.setattr(attached, "_rest", lambda _: nullcontext(ask))
    words = attached._words(hypervisor.session, ["vm-1", "vm-2"])
    assert words == {"vm-1": (f"tags-unread {why}",), "vm-2": (f"tags-unread {why}",)}


def test_they_are_asked_for_many_machines_at_once_and_not_again(
    hypervisor: VsphereHypervisor, tagged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    http = hypervisor.session.http()
    real = type(http).open

    def count(self: Any, method: str, path: str, **more: Any) -> Any:
        asked.append(f"{method} {path.partition('?')[0].rpartition('/')[2].partition(':')[0]}")
        return real(self, method, path, **more)

    monkeypatch.setattr(type(http), "open", count)
    monkeypatch.setattr(attached, "_BATCH", 3)
    machines = hypervisor.machines()
    assert len(machines) == 4
    assert [one.name for one in machines if one.devices] == [NAME]
    assert asked == [
        *("POST session", "POST tag-association", "POST tag-association"),
        *("GET id", "GET id", "GET id", "GET id", "DELETE session"),
    ]
    hypervisor.machine(NAME)
    assert len(asked) == 8
    inventory.machine(hypervisor.session, NAME)
    assert len(asked) == 8, "and who needs none asks for none"
