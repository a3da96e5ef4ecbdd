"""A Hyper-V host's answers to the scripts that only read, recorded and given again."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from drover.errors import BadInputError, OperatorNeededError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.hyperv import inventory, scripts, target
from drover.hypervisors.hyperv.errors import ScriptError
from drover.hypervisors.hyperv.session import Session
from drover.recordings.scrub import Scrubber, Words, require_clean
from drover.recordings.tape import Call, read

# With these parameters; nothing else is ever run by a recording.
READS: Mapping[str, Mapping[str, Any]] = {
    "host": {},
    "volumes": {},
    "switches": {},
    "machines": {},
    "inventory": {"ids": []},
    "live-jobs": {},
}
_SERVICES = (
    "6c09bb55-d683-4da0-8931-c9bf705f6480",
    "84eaae65-2f2e-45f5-9bb5-0e857dc8eb47",
    "2a34b1c2-fd73-4043-8a5b-dd2159bc743f",
    inventory.SHUTDOWN,
    "2497f4de-e9fa-4204-80e4-4b75c46419c0",
    "5ced1297-4598-4915-a5fc-ad21bb4d02a4",
)
WORDS = Words(
    kept=frozenset(
        {
            "version", "versions", "processorModel", "clock", "liveLogin", "type", "state", "status", "startAction",
            "stopAction", "checkpointType", "replication", "secureBoot", "template", "controller", "format", "vlanMode",
            "notAsked", "category", "submitted",
        }
    ),
    paths=frozenset({"path", "parent", "folder", "diskFolder", "machineFolder", "media", "floppies"}),
    first=frozenset({"handed"}),
    parts=frozenset(
        {
            "hyper-v", "virtual hard disks", "virtual machines", "snapshots", "clusterstorage", "users", "public",
            "documents", "programdata", "microsoft", "windows", *_SERVICES,
        }
    ),
)  # fmt: skip


def record(session: Session) -> Iterator[Call]:
    """Asks the host, and gives what it said without what tells whose it is.

    :raises OperatorNeededError: what is left would still tell.
    """
    scrubber = Scrubber(WORDS)
    for script, parameters in READS.items():
        answer: Any = None
        error: dict[str, str] | None = None
        try:
            answer = _asked(session, script, parameters)
        except ScriptError as failure:
            error = {"category": failure.category, "message": failure.message}
        call = Call(script, dict(parameters), scrubber.value(answer), scrubber.value(error))
        require_clean(call.text(), _secrets(session.spec, answer if script == "host" else None), WORDS)
        yield call


def _asked(session: Session, script: str, parameters: Mapping[str, Any]) -> list[Any]:
    if script != "inventory":
        return scripts.run(session, script, **parameters)
    return inventory.answers(session, [str(one["id"]) for one in scripts.run(session, "machines")])


def _secrets(spec: ConnectionSpec, host: Any) -> Iterator[str | None]:
    yield from (spec.password, spec.login, (spec.login or "").rpartition("\\")[2], spec.host)
    yield from (str(one["name"]) for one in host or ())


class Replayed:
    """Stands where a Session does, and gives what was recorded."""

    def __init__(self, folder: Path) -> None:
        self.spec = ConnectionSpec("recorded", "hyperv", "recorded", "nobody", "nothing")
        self.target = target.read(self.spec)
        self._calls = {call.call: call for call in read(folder)}

    def run(self, script: str, parameters: Mapping[str, Any] | None = None, **_deadline: float) -> list[Any]:
        """:raises BadInputError: that was not recorded. :raises OperatorNeededError: it failed then, too."""
        name = next((one for one in READS if scripts.text(one) == script), "")
        call = self._calls.get(name)
        if call is None:
            raise BadInputError(
                f"The recording has no answer to '{name or 'a script that changes things'}'.", remedy=""
            )
        if call.error is not None:
            raise OperatorNeededError(str(call.error["message"]), remedy="It was so when it was recorded.")
        wanted = list((parameters or {}).get("ids") or ())
        return [one for one in call.answer if not wanted or one["id"] in wanted]

    def close(self) -> None:
        """Nothing is open."""
