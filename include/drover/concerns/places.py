"""What a machine is mapped to must be there, and active, at the target: networks and storage pools alike."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern, Network, StoragePool


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of place, and what its absence means. :param key: where the wave file maps it."""

    id: str
    label: str
    noun: str
    key: str
    without: str
    inactive: str


def check(
    p: Preflight,
    kind: Kind,
    used: Iterable[str | None],
    mapping: Mapping[str, str],
    places: Iterable[Network | StoragePool],
) -> Iterator[Concern]:
    """:param used: by the machine, at the source. :param places: what there is at the target."""
    there = {place.name: place for place in places}
    for name in sorted({mapping[each] for each in used if each is not None and each in mapping}):
        place = there.get(name)
        if place is None:
            have = ", ".join(sorted(f"'{known}'" for known in there)) or "none"
            yield critical(
                kind.id,
                f"{kind.label} missing at the target",
                found=f"{p.target_host.name} has no {kind.noun} '{name}', which {kind.key} names.",
                why=kind.without.format(machine=p.plan.name),
                do=f"Make it there, or map to one that is there: {have}.",
            )
        elif not place.active:
            yield critical(
                kind.id,
                f"{kind.label} not active at the target",
                found=f"The {kind.noun} '{name}' on {p.target_host.name} is not active.",
                why=kind.inactive.format(machine=p.plan.name),
                do="Start it, and have it start by itself.",
            )
