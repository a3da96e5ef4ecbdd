"""What is said of a Live Migration, from what a host answers; nobody is asked over a line."""

from typing import Any, cast

import pytest
from answers import HOST, Told, answer

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.hyperv import live, tags
from drover.hypervisors.hyperv import target as targets
from drover.hypervisors.hyperv.errors import ScriptError
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.port import LiveState, TargetSettings
from drover.model import Ownership

OWNER = Ownership("w", "r", "web", "u", "started")
SETTINGS = TargetSettings({"production": "production"}, {"D:": "D:"}, OWNER)
JOB = {"machine": answer()["id"].upper(), "state": 4, "percent": 40, "error": "", "submitted": "2"}


def session(**answers: Any) -> Session:
    return cast(Session, Told(**answers))


def marked() -> dict[str, Any]:
    return answer(notes=tags.written("theirs", OWNER))


def gone() -> Session:
    return session(machines=[], inventory=[])


def begin(source: Session, target: Session) -> None:
    live.start(source, target, "web", SETTINGS, bandwidth=None, paused=False)


@pytest.mark.parametrize(
    ("jobs", "state"),
    [
        ([], LiveState.ABSENT),
        ([JOB], LiveState.RUNNING),
        ([JOB | {"state": 10, "submitted": "1"}, JOB], LiveState.RUNNING),
        ([JOB | {"state": 10, "error": "No\nroom."}], LiveState.FAILED),
        ([JOB | {"state": 7}], LiveState.ABSENT),  # of another time: the machine is here, and not there
        ([JOB | {"machine": "ANOTHER"}], LiveState.ABSENT),
    ],
)
def test_the_host_s_latest_job_says_how_it_is(jobs: list[Any], state: LiveState) -> None:
    found = live.status(session(inventory=[marked()], **{"live-jobs": jobs}), gone(), "web")
    assert found.state is state
    if state is LiveState.RUNNING:
        assert found.done == found.total * 40 // 100 > 0
    if state is LiveState.FAILED:
        assert found.message == "No room."


def test_a_machine_without_the_mark_is_on_no_move_of_ours() -> None:
    assert live.status(session(**{"live-jobs": [JOB]}), gone(), "web").state is LiveState.ABSENT


def test_what_left_the_source_is_done_only_where_it_is_the_same_machine() -> None:
    assert live.status(gone(), session(inventory=[marked()]), "web").state is LiveState.DONE
    another = live.status(gone(), session(), "web")
    assert (another.state, another.message) == (LiveState.FAILED, "'web' on hv-a is another machine")
    assert live.status(gone(), gone(), "web").message == "it is neither on hv-a nor on hv-a"


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"liveEnabled": False}, OperatorNeededError, "Live Migration is off on hv-a"),
        ({"liveAnyNetwork": False}, OperatorNeededError, "has no network for Live Migration"),
        ({"liveSlots": 1}, RetryableError, "moves 1 machines already, and its settings allow 1 at a time"),
        ({"storageSlots": 1}, RetryableError, "allow 1 at a time"),
    ],
)
def test_a_host_that_cannot_or_may_not_now(changes: dict[str, Any], kind: type[Exception], words: str) -> None:
    jobs = {"live-jobs": [JOB | {"machine": "ANOTHER"}]}
    for source, target in ((HOST | changes, HOST), (HOST, HOST | changes)):
        with pytest.raises(kind, match=words):
            begin(session(host=[source], **jobs), session(host=[target], machines=[], **jobs))


@pytest.mark.parametrize(
    ("connection", "called"),
    [
        (ConnectionSpec("b", "hyperv", "hv-b.lab.test", "a", "b"), "hv-b.lab.test"),
        (ConnectionSpec("b", "hyperv", "192.0.2.32", "a", "b"), "HV-B"),
        (ConnectionSpec("b", "hyperv", "192.0.2.32", "a", "b", extra={"kerberos_host": "b.corp"}), "b.corp"),
    ],
)
def test_the_other_host_is_called_as_the_domain_calls_it(connection: ConnectionSpec, called: str) -> None:
    source = session(live=[{"against": []}])
    target = Told(host=[HOST | {"name": "HV-B"}], machines=[])
    target.target = targets.read(connection)
    begin(source, cast(Session, target))
    (given,) = cast(Told, source).given("live")
    assert (given["host"], given["start"]) == (called, True)
    assert given["adapters"] == [{"mac": "00155D010203", "switch": "production"}]
    assert [disk["source"] for disk in given["disks"]] == ["D:\\vms\\web.vhdx"]
    made = tags.Making("HV-B", tuple(disk["destination"] for disk in given["disks"]))
    assert cast(Told, source).given("tag")[0]["notes"] == tags.begun(answer()["notes"], OWNER, made)


@pytest.mark.parametrize(
    ("transport", "extra", "words"),
    [
        ("ntlm", {}, "a login by ntlm is good for one host only"),
        ("basic", {}, "a login by basic is good for one host only"),
        ("credssp", {}, "the login was passed on and refused"),
    ],
)
def test_the_double_hop_is_explained(transport: str, extra: dict[str, Any], words: str) -> None:
    refused = ScriptError("No credentials are available in the security package (0x8009030E).", remedy="")
    source = Told(live=refused)
    spec = ConnectionSpec("hv_a", "hyperv", "hv-a", "a", "b", extra={"transport": transport, **extra})
    source.target = targets.read(spec)
    with pytest.raises(OperatorNeededError, match=words) as caught:
        begin(cast(Session, source), session(machines=[]))
    assert "Microsoft Virtual System Migration Service" in caught.value.remedy
    assert [one["notes"] for one in source.given("tag")][-1] == answer()["notes"]


def test_what_is_not_about_logins_stays_as_it_is() -> None:
    with pytest.raises(ScriptError, match="The sky is grey"):
        begin(session(live=ScriptError("The sky is grey.", remedy="")), session(machines=[]))


def test_a_connection_that_broke_leaves_the_mark() -> None:
    source = Told(live=RetryableError("It broke.", remedy=""))
    with pytest.raises(RetryableError, match="It broke"):
        begin(cast(Session, source), session(machines=[]))
    assert len(source.given("tag")) == 1


def test_a_host_that_restarted_knows_of_no_move() -> None:
    found = live.status(session(inventory=[marked()]), gone(), "web")
    assert (found.state, found.message) == (
        LiveState.ABSENT,
        "hv-a knows nothing of a move of it, as after a restart of that host",
    )


MADE = tags.Making(HOST["name"], (r"D:\Hyper-V\Virtual Hard Disks\drover-web-8f0e6ba9\scsi0-0.vhdx",))


def half_made(**answers: Any) -> Told:
    return Told(machines=[], **{"half-made": list(MADE.files), **answers})


def begun(making: tags.Making = MADE) -> Session:
    notes = tags.begun("theirs", OWNER, making)
    return session(inventory=[answer(notes=notes)], live=[{"against": []}])


def test_what_an_earlier_try_left_half_made_is_taken_away() -> None:
    target = half_made()
    begin(begun(), cast(Session, target))
    assert [one["remove"] for one in target.given("half-made")] == [False, True]
    assert target.given("half-made")[1]["paths"] == list(MADE.files)
    assert target.given("chains") == [{"id": ""}]  # the machine itself may stand in the list there by now


@pytest.mark.parametrize(
    "making",
    [
        tags.Making("ANOTHER", MADE.files),
        tags.Making(HOST["name"], (r"D:\elsewhere.vhdx",)),
        tags.Making(HOST["name"], ()),
    ],
)
def test_what_it_did_not_make_stays(making: tags.Making) -> None:
    target = half_made()
    source = begun(making)
    with pytest.raises(OperatorNeededError, match="is there already, and this move of machine 'web' did not make it"):
        begin(source, cast(Session, target))
    assert [one["remove"] for one in target.given("half-made")] == [False]
    assert (cast(Told, source).given("tag"), cast(Told, source).given("live")) == ([], [])


@pytest.mark.parametrize(
    ("problem", "path", "words"),
    [
        (
            "",
            MADE.files[0].upper(),
            r"Machine 'db' on hv-a uses D:\\.*\.vhdx, which an earlier try of this move left half made, so it is not",
        ),
        ("It is\ngone.", r"D:\db.vhdx", "Nobody can tell whether machine 'db' on hv-a uses a disk .*: It is gone"),
    ],
)
def test_what_a_machine_there_has_or_may_have_stays(problem: str, path: str, words: str) -> None:
    target = half_made(chains=[{"machine": "db", "path": path, "problem": problem}])
    with pytest.raises(OperatorNeededError, match=words):
        begin(begun(), cast(Session, target))
    assert [one["remove"] for one in target.given("half-made")] == [False]


def test_notes_tell_where_a_move_makes_its_disks_until_it_is_over() -> None:
    notes = tags.begun("theirs", OWNER, MADE)
    assert (tags.making(notes), tags.read(notes)) == (MADE, OWNER)
    assert (tags.cancelled(notes), tags.without(notes)) == ("theirs", "theirs")
    assert tags.making(tags.written(notes, OWNER)) is None
    assert [tags.making(f"drover makes: {text}") for text in ("", "7", "{}", "nonsense")] == [None] * 4


def test_cancelling_what_ends_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drover.hypervisors.hyperv.live._LOOK", 0.0)
    states = iter([4, 4, 8])
    source = Told(inventory=[marked()], **{"live-jobs": lambda _: [JOB | {"state": next(states)}]})
    live.cancel(cast(Session, source), "web")
    assert len(source.given("live-cancel")) == 1
    assert source.given("tag")[-1]["notes"] == "theirs"

    there = iter([[{"id": answer()["id"], "name": "web"}], []])
    states = iter([4, 7])
    changing = Told(
        inventory=[marked()], machines=lambda _: next(there), **{"live-jobs": lambda _: [JOB | {"state": next(states)}]}
    )
    with pytest.raises(RetryableError, match="was done before it could be cancelled"):
        live.cancel(cast(Session, changing), "web")
    live.cancel(gone(), "web")
