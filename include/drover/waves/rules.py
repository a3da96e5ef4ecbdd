"""Rules that tie several places of a wave file together.

They read plain values, not models, so that they can speak up about a file whose other parts are still wrong:
a person wants all mistakes at once. Whatever has the wrong type is passed over here; the schema tells it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

# How these faults are marked when a model raises them, so that the loader does not tell them twice.
ERROR_TYPE = "wave_rule"

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """:param place: keys and indices from the top of the value. :param expected: may be empty."""

    place: Place
    problem: str
    expected: str = ""


def wave_faults(wave: Mapping[str, Any]) -> list[Fault]:
    """What does not fit between the machines of a wave, and between a machine and its wave."""
    machines = _machines(wave)
    named = [(index, machine["name"]) for index, machine in machines if isinstance(machine.get("name"), str)]
    return [
        *_same_ends(wave, machines),
        *_duplicates(named),
        *_after(machines, {name for _, name in named}),
        *_circles(machines),
        *_backup(wave, machines),
        *_rehearsal(wave, machines),
        *_window(wave),
    ]


def machine_faults(machine: Mapping[str, Any]) -> list[Fault]:
    """What does not fit inside one machine."""
    faults = []
    strategy = machine.get("strategy")
    if strategy == "warm":
        faults.append(Fault(("strategy",), "the strategy 'warm' is not there yet", "'cold' or 'live'"))
    if strategy == "cold":
        only = "only the strategy 'live' knows it"
        if machine.get("compare_at_switchover") is True:
            faults.append(Fault(("compare_at_switchover",), only, "strategy: live, or leave it out"))
        files = machine.get("guest_files")
        if isinstance(files, Mapping) and files.get("changing"):
            faults.append(Fault(("guest_files", "changing"), only, "strategy: live, or leave it out"))
    return [*faults, *_twice(machine, "after"), *_twice(machine, "waive")]


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Words for the nearest known one, or nothing."""
    close = get_close_matches(word, known, n=1)
    return f"did you mean '{close[0]}'?" if close else ""


def _machines(wave: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    machines = wave.get("machines")
    if not isinstance(machines, list | tuple):
        return []
    return [(index, machine) for index, machine in enumerate(machines) if isinstance(machine, Mapping)]


def _names(machine: Mapping[str, Any]) -> list[tuple[int, str]]:
    after = machine.get("after")
    if not isinstance(after, list | tuple):
        return []
    return [(index, name) for index, name in enumerate(after) if isinstance(name, str)]


def _twice(machine: Mapping[str, Any], key: str) -> Iterator[Fault]:
    seen: set[str] = set()
    entries = machine.get(key)
    for index, entry in enumerate(entries if isinstance(entries, list | tuple) else ()):
        name = entry.get("id") if isinstance(entry, Mapping) else entry
        if isinstance(name, str):
            if name in seen:
                yield Fault((key, index), f"'{name}' is here twice", "each once")
            seen.add(name)


def _same_ends(wave: Mapping[str, Any], machines: list[tuple[int, Mapping[str, Any]]]) -> Iterator[Fault]:
    for index, machine in machines:
        source = machine.get("source") or wave.get("source")
        target = machine.get("target") or wave.get("target")
        # Behind one manager a running machine moves from host to host; what kind it is, the concerns know.
        if machine.get("strategy") == "live" and any(_host(place) for place in (machine, wave)):
            continue
        if isinstance(source, str) and source == target:
            overridden = "target" if machine.get("target") else "source" if machine.get("source") else None
            place: Place = ("machines", index, overridden) if overridden else ("target",)
            expected = "two different ones, or the strategy 'live' and the mappings.host it goes to"
            yield Fault(place, f"source and target are the same connection '{source}'", expected)
            if not overridden:
                return


def _window(wave: Mapping[str, Any]) -> Iterator[Fault]:
    window = wave.get("window")
    if not isinstance(window, Mapping):
        return
    opens = window.get("opens")
    if isinstance(opens, str) and opens == window.get("closes"):
        yield Fault(("window", "closes"), f"the window closes when it opens, at {opens}", "another time of day")
    for fault in _twice(window, "days"):
        yield Fault(("window", *fault.place), fault.problem, fault.expected)


def _backup(wave: Mapping[str, Any], machines: list[tuple[int, Mapping[str, Any]]]) -> Iterator[Fault]:
    backup = wave.get("backup")
    if not isinstance(backup, Mapping):
        return
    given = [key for key in ("folder", "repository") if backup.get(key) is not None]
    if not given:
        yield Fault(("backup", "folder"), "'folder' is missing", "a folder, or a repository in an object store")
    elif len(given) == 2:
        yield Fault(("backup", "repository"), "backups go to one place, and 'folder' names another", "one of the two")
    test = backup.get("restore_test")
    if test in ("sample", "all") and any(not _test_network(machine, wave) for _, machine in machines):
        place = ("backup", "restore_test")
        yield Fault(place, "a backup is booted on a test network, and there is none", "mappings.test_network")


def _rehearsal(wave: Mapping[str, Any], machines: list[tuple[int, Mapping[str, Any]]]) -> Iterator[Fault]:
    for key in ("mode", "rehearsal"):
        asked = wave.get(key) == "rehearsal" if key == "mode" else isinstance(wave.get(key), Mapping)
        if asked and any(not _test_network(machine, wave) for _, machine in machines):
            yield Fault((key,), "a rehearsal needs a test network, and there is none", "mappings.test_network")


def _test_network(machine: Mapping[str, Any], wave: Mapping[str, Any]) -> Any:
    mappings = (place.get("mappings") for place in (machine, wave))
    return next((found for each in mappings if isinstance(each, Mapping) and (found := each.get("test_network"))), None)


def _host(place: Mapping[str, Any]) -> Any:
    mappings = place.get("mappings")
    return mappings.get("host") if isinstance(mappings, Mapping) else None


def _duplicates(named: list[tuple[int, str]]) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for index, name in named:
        if name in first:
            place = ("machines", index, "name")
            yield Fault(place, f"the machine '{name}' is here twice, first as machines[{first[name]}]", "each once")
        first.setdefault(name, index)


def _after(machines: list[tuple[int, Mapping[str, Any]]], known: set[str]) -> Iterator[Fault]:
    for index, machine in machines:
        for position, name in _names(machine):
            place = ("machines", index, "after", position)
            if name == machine.get("name"):
                yield Fault(place, f"the machine '{name}' cannot come after itself", "another machine of this wave")
            elif name not in known:
                hint = did_you_mean(name, sorted(known)) or "the name of a machine of this wave"
                yield Fault(place, f"no machine of this wave is called '{name}'", hint)


def _circles(machines: list[tuple[int, Mapping[str, Any]]]) -> Iterator[Fault]:
    """Each circle once, told where its first machine in the file names the next one."""
    index_of: dict[str, int] = {}
    after: dict[str, dict[str, int]] = {}
    for index, machine in machines:
        name = machine.get("name")
        if isinstance(name, str) and name not in index_of:
            index_of[name] = index
            after[name] = {other: position for position, other in _names(machine) if other != name}
    done: set[str] = set()
    for name in index_of:
        circle = _circle_from(name, after, done)
        if circle:
            start = min(circle, key=lambda member: index_of[member])
            at = circle.index(start)
            path = [*circle[at:], *circle[:at], start]
            place = ("machines", index_of[start], "after", after[start][path[1]])
            yield Fault(place, f"the order is a circle: {' -> '.join(path)}", "an order that has a beginning")


def _circle_from(start: str, after: Mapping[str, Mapping[str, int]], done: set[str]) -> list[str]:
    """The first circle that can be reached and was not seen before; walked without recursion, however long."""
    path: list[str] = []
    walk: list[tuple[str, Iterator[str]]] = []

    def enter(name: str) -> None:
        path.append(name)
        walk.append((name, iter(after.get(name, ()))))

    if start not in done:
        enter(start)
    while walk:
        name, others = walk[-1]
        other = next((other for other in others if other not in done), None)
        if other is None:
            done.add(name)
            path.pop()
            walk.pop()
        elif other in path:
            done.update(path)
            return path[path.index(other) :]
        else:
            enter(other)
    return []
