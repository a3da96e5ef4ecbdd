"""A proposed wave as a wave file, with comments for the person who completes it."""

import json
import os
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drover.errors import BadInputError
from drover.evidence.files import sync_folder
from drover.model import PowerState, Strategy
from drover.proposals.amounts import shown
from drover.proposals.candidate import Key
from drover.proposals.grouping import LeftOut, Proposed, ProposedWave

_WIDTH = 116


@dataclass(frozen=True, slots=True)
class Filled:
    """What is known already; whatever is not stays open in the file, and `wave check` names it.

    :param sources: the connection of each place (vCenter); under the empty name the one of all others.
    """

    sources: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    backup: str | None = None
    networks: Mapping[str, str] = field(default_factory=dict)
    storage: Mapping[str, str] = field(default_factory=dict)

    def source_of(self, place: str) -> str | None:
        return self.sources.get(place) or self.sources.get("")


def names_of(waves: Sequence[ProposedWave]) -> list[str]:
    """Each wave's name: its number, its place where there are several, and its group."""
    digits = max(2, len(str(len(waves))))
    several = len({wave.place for wave in waves}) > 1
    return [_name(wave, digits, several) for wave in waves]


def _name(wave: ProposedWave, digits: int, several: bool) -> str:
    place = _slug(wave.place.split(".")[0]) if several else ""
    return "-".join(filter(None, (f"{wave.number:0{digits}}", place, _slug(wave.group))))


def texts_of(waves: Sequence[ProposedWave], filled: Filled, origin: str, absent: Sequence[str] = ()) -> dict[str, str]:
    """The text of each wave file, by the wave's name.

    :param origin: what the list is called, and what it cannot tell (`absent`), for the comments.
    """
    names = names_of(waves)
    homes = {each.candidate.key: name for name, wave in zip(names, waves, strict=True) for each in wave.machines}
    return {
        name: "\n".join([*_head(wave, origin, absent), *_lines(name, wave, filled, homes)]) + "\n"
        for name, wave in zip(names, waves, strict=True)
    }


def write(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Writes each as `<name>.yaml`; a file that is there and says the same is left as it is.

    :raises BadInputError: one is there and says something else, or the folder cannot be written; nothing was written.
    """
    paths = {folder / f"{name}.yaml": text.encode() for name, text in texts.items()}
    try:
        changed = [path for path, text in paths.items() if path.exists() and path.read_bytes() != text]
        if changed:
            raise BadInputError(
                f"{changed[0]} is there already, and nothing is overwritten.",
                remedy="Name another folder with -o, or move the files away.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in paths.items():
            if not path.exists():
                _put(path, text)
        sync_folder(folder)
    except OSError as error:
        raise BadInputError(
            f"{folder} cannot be written: {error.strerror}.", remedy="Name another folder with -o."
        ) from None
    return list(paths)


def _put(path: Path, text: bytes) -> None:
    """Whole, or not at all: what is left of a killed try must not be taken for somebody's file."""
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_bytes(text)
        # A link, not a rename: that one would take the place of a file that has appeared meanwhile.
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _lines(name: str, wave: ProposedWave, filled: Filled, homes: Mapping[Key, str]) -> Iterator[str]:
    yield f"wave: {_scalar(name)}"
    yield f"description: {_scalar(_describe(wave))}"
    yield ""
    here = f"the connection of {_scalar(wave.place)}" if wave.place else "where they are now"
    yield _open("source", filled.source_of(wave.place), here)
    yield _open("target", filled.target, "the connection of the hypervisor that they go to")
    yield ""
    yield "# The source's name: the target's name."
    yield "mappings:"
    yield from _mapping("networks", (n for each in wave.machines for n in each.candidate.networks), filled.networks)
    yield from _mapping("storage", (s for each in wave.machines for s in each.candidate.storage), filled.storage)
    yield "  # An isolated network at the target, for trial boots; without it there are none, which is a concern."
    yield "  # test_network: isolated"
    yield ""
    yield "backup:"
    yield "  " + _open("folder", filled.backup, "an absolute path on the worker")
    yield ""
    yield "machines:"
    for each in wave.machines:
        yield from _machine(each, homes, homes[each.candidate.key])
    if wave.left_out:
        yield ""
        yield f"# Left out until somebody has mended them: {len(wave.left_out)}"
        for one in wave.left_out:
            yield from _left_out(one)


def _head(wave: ProposedWave, origin: str, absent: Sequence[str]) -> Iterator[str]:
    used = [each.candidate.used for each in wave.machines]
    known = f", {shown(sum(filter(None, used)))} in use" if any(used) else ""
    machines = _count(len(wave.machines), "machine")
    yield from _comment(f"Proposed from {_scalar(origin)}: {machines}, {shown(wave.size)} of disks{known}.")
    yield from _comment(
        "Nothing in here has been asked of a hypervisor yet. Fill in what is open, say what proves that each "
        "application works, then:"
    )
    yield "#   ./drover wave check FILE     every mistake, and what is still open"
    yield "#   ./drover plan FILE           concerns, order and estimate, asked of both hypervisors"
    yield from _comment("A file in include/waves/ becomes a DAG; the numbers say in which order the waves go.")
    yield from _comment(
        "A running machine is proposed as 'live' only where --target names a connection of the same kind as its own; "
        "any other moves cold: it is shut down first."
    )
    for words in absent:
        yield from _comment(f"The list has no {words}.")


def _machine(each: Proposed, homes: Mapping[Key, str], here: str) -> Iterator[str]:
    candidate = each.candidate
    yield f"  - name: {_scalar(candidate.name)}"
    yield f"    strategy: {each.strategy.value}"
    facts = ["off"] if candidate.machine.state is PowerState.OFF else []
    if candidate.machine.memory:
        facts.append(f"{_count(candidate.machine.cpu.count, 'CPU')}, {shown(candidate.machine.memory)} of memory")
    if candidate.size:
        facts.append(f"{shown(candidate.size)} of disks")
    yield from _comment(", ".join(facts), indent=4)
    for note in each.notes:
        yield from _comment(f"{note.id} ({note.category}): {note.assessment}", indent=4)
    after = [name for place, name in candidate.needs if homes.get((place, name)) == here]
    if after:
        yield f"    after: [{', '.join(_scalar(name) for name in after)}]"
    for place, name in candidate.needs:
        home = homes.get((place, name))
        if home is None:
            yield from _comment(f"It needs {_scalar(name)}, which is left out: let that one move first.", indent=4)
        elif home != here:
            yield from _comment(f"It needs {_scalar(name)}: run the wave {home} before this one.", indent=4)
    if each.strategy is Strategy.LIVE:
        yield '    # guest_files: {changing: ["/var/log/**"]}   what it writes while it moves'
    yield "    # What proves that its application works: http, tcp or command."
    yield "    checks: []"


def _left_out(one: LeftOut) -> Iterator[str]:
    yield f"#   - name: {_scalar(one.candidate.name)}"
    for concern, words in one.reasons:
        yield from _comment(f"{concern}: {words}" if concern else words, before="#       ")


def _describe(wave: ProposedWave) -> str:
    group = f"{wave.group or 'Machines'}{f' at {wave.place}' if wave.place else ''}"
    text = f"{group}, part {wave.part} of {wave.parts}" if wave.parts > 1 else group
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _mapping(key: str, names: Iterable[str], known: Mapping[str, str]) -> Iterator[str]:
    listed = sorted(set(names), key=lambda name: (name.casefold(), name))
    if not listed:
        yield f"  {key}: {{}}"
        return
    yield f"  {key}:"
    for name in listed:
        yield f"    {_open(_scalar(name), known.get(name), 'its name at the target')}"


def _open(key: str, value: str | None, what: str) -> str:
    """A key with its value, or left open: a key without one is what `wave check` complains about."""
    return f"{key}:  # to be filled in: {what}" if value is None else f"{key}: {_scalar(value)}"


def _scalar(text: str) -> str:
    """As YAML reads it back, whatever is in it; and on one line, so that it may stand in a comment."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in quoted)


def _comment(text: str, indent: int = 0, before: str = "") -> Iterator[str]:
    head = before or f"{' ' * indent}# "
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    for line in textwrap.wrap(plain, _WIDTH - len(head), break_long_words=False, break_on_hyphens=False):
        yield head + line


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:40]


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
