"""Reads a wave file and tells every mistake in it at once, each with its line and what was expected."""

from pathlib import Path

from pydantic import ValidationError

from drover.waves import explain, rules
from drover.waves.mistakes import Mistake, WaveFileError
from drover.waves.schema import Wave
from drover.waves.tree import Tree, read_tree

# Far beyond any wave that a person would write; a disk image given by accident is refused at once.
MAX_BYTES = 4 * 1024 * 1024


def load(path: Path | str) -> Wave:
    """The wave that this file describes.

    :raises WaveFileError: it cannot be read or something in it is wrong; `mistakes` has all of it.
    """
    path = Path(path)
    return parse(_read(path), str(path))


def parse(text: str, name: str = "<text>") -> Wave:
    """The wave that this text describes. :param name: what errors call it. :raises WaveFileError: as `load`."""
    tree = read_tree(text)
    mistakes = [
        Mistake(fault.mark.line, fault.mark.column, explain.dotted(fault.place), fault.problem, fault.expected)
        for fault in tree.faults
    ]
    if any(fault.fatal for fault in tree.faults):
        raise WaveFileError(name, mistakes)
    if tree.empty and not mistakes:
        raise WaveFileError(name, [Mistake(0, 0, "", "the file is empty", "a wave, as in the examples")])
    if tree.empty or not isinstance(tree.value, dict):
        mistakes.append(Mistake(1, 1, "", "this is not a wave", "keys with values, beginning with 'wave:'"))
        raise WaveFileError(name, mistakes)
    wave, found = _validate(tree)
    mistakes += found
    if wave is None or mistakes:
        raise WaveFileError(name, sorted(mistakes, key=lambda mistake: (mistake.line, mistake.column)))
    return wave


def _validate(tree: Tree) -> tuple[Wave | None, list[Mistake]]:
    faults = rules.wave_faults(tree.value)
    machines = tree.value.get("machines")
    for index, machine in enumerate(machines if isinstance(machines, list) else ()):
        if isinstance(machine, dict):
            inner = rules.machine_faults(machine)
            faults += [rules.Fault(("machines", index, *f.place), f.problem, f.expected) for f in inner]
    wave = None
    try:
        wave = Wave.model_validate(tree.value)
    except ValidationError as error:
        faults += explain.faults_of(error, tree.value, tree)
    return wave, [explain.mistake(fault, tree) for fault in faults if fault.place not in tree.unread]


def _read(path: Path) -> str:
    def wrong(problem: str, expected: str = "a wave file") -> WaveFileError:
        return WaveFileError(str(path), [Mistake(0, 0, "", problem, expected)])

    try:
        if path.is_dir():
            raise wrong("this is a directory")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise wrong("there is no such file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise wrong(f"the file cannot be read: {reason}") from None
    if len(data) > MAX_BYTES:
        raise wrong(f"the file has more than {MAX_BYTES // 1024**2} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        problem = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        raise WaveFileError(str(path), [Mistake(line, column, "", problem, "a file in UTF-8")]) from None
