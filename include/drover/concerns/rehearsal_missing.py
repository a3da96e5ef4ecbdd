"""The wave asks for a rehearsal, and this machine has none that counts."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern
from drover.waves.words import duration

ID = "rehearsal.missing"
WAIVABLE = True

_LABEL = "Not rehearsed"
_DO = "Run the DAG 'rehearse_{wave}', or waive this for a machine that is moved without."


def check(p: Preflight) -> Iterator[Concern]:
    if p.wave.rehearsal is None or p.wave.mode == "rehearsal":
        return
    last, longest = p.rehearsed, p.wave.rehearsal.required
    do = _DO.format(wave=p.wave.wave)
    if last is not None and last.at is None:
        yield unknown(ID, _LABEL, what=f"whether '{p.plan.name}' was rehearsed: its records cannot be read", do=do)
        return
    found = None
    if last is None or last.at is None:
        found = f"No rehearsal of '{p.plan.name}' has passed."
    elif last.settings != last.now:
        found = f"The last rehearsal of '{p.plan.name}' was one with other hosts, mappings, disks or checks."
    elif p.now - last.at > longest:
        found = f"The last rehearsal of '{p.plan.name}' passed {duration(p.now - last.at)} ago."
    if found:
        why = f"The wave asks for one that is not older than {duration(longest)}."
        yield critical(ID, _LABEL, found=found, why=why, do=do)
