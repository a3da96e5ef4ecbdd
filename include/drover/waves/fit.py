"""Whether a wave fits into its window: how long it needs from when its first machine may go down, against what is left.

What is done before a machine goes down, its backup above all, may be done before the window opens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drover.waves import estimate
from drover.waves.estimate import Load
from drover.waves.schema import Wave
from drover.waves.speeds import DEFAULTS, Known
from drover.waves.timeline import Span
from drover.waves.window import Opening, opening, said
from drover.waves.words import duration


@dataclass(frozen=True, slots=True)
class Fit:
    """:param needed: from when the first machine may go down until the last one has arrived, seconds.

    :param there: how long the window is still open from then on. :param opens: :param closes: in the window's time.
    :param late: the machines that would arrive after it closes. :param fits: the others.
    :param lead: how long before it opens the wave has to begin for that.
    """

    needed: float
    there: float
    opens: str
    closes: str
    late: tuple[str, ...]
    fits: tuple[str, ...]
    lead: float = 0.0

    @property
    def words(self) -> str:
        """What is needed against what there is, and which machines fit."""
        head = (
            f"The wave needs {duration(self.needed)} from when its first machine goes down, and the window "
            f"({self.opens} to {self.closes}) leaves {duration(self.there)}"
        )
        if not self.late:
            return f"{head}."
        fits = f"what fits is {_listed(self.fits)}" if self.fits else "no machine of it fits"
        # Said by itself: both times are rounded, and may look the same.
        short = duration(max(1.0, self.needed - self.there))
        return f"{head}, {short} too little: {fits}; {_listed(self.late)} would arrive too late."


def asked(wave: Wave) -> bool:
    """Whether the wave has to keep to a window: in a rehearsal no machine goes down."""
    return wave.window is not None and wave.mode == "real"


def planned(wave: Wave, loads: Mapping[str, Load], now: float, known: Known = DEFAULTS) -> Fit | None:
    """For a wave that begins early enough before the next opening. None where it has no window, or needs none."""
    if not asked(wave) or wave.window is None:
        return None
    found = opening(wave.window, now)
    if found.holds(now):
        found = opening(wave.window, found.closes)
    lead = estimate.first(wave, loads) + estimate.lead(wave, estimate.jobs(wave, loads, known))
    return _fit(wave, found, estimate.whole(wave, loads, known, lead), lead, lead + found.seconds, lead)


def renewed(
    wave: Wave,
    loads: Mapping[str, Load],
    now: float,
    known: Known,
    done: Mapping[str, frozenset[str]],
    first: str | None = None,
) -> Fit | None:
    """For what is left of a wave now. None where it has no window.

    :param done: the steps that each machine has behind it. :param first: the machine whose turn it is.
    """
    if wave.window is None:
        return None
    found = opening(wave.window, now)
    gate = max(0.0, found.opens - now)
    todo = sorted(estimate.jobs(wave, loads, known, done), key=lambda job: job.name != first)
    return _fit(wave, found, estimate.play(wave, todo, gate), gate, found.closes - now)


def arrivals(spans: Sequence[Span]) -> dict[str, float]:
    """When each machine has arrived."""
    ends: dict[str, float] = {}
    for span in spans:
        ends[span.machine] = max(ends.get(span.machine, 0.0), span.ends)
    return ends


def _fit(wave: Wave, found: Opening, spans: Sequence[Span], gate: float, closes: float, lead: float = 0.0) -> Fit:
    assert wave.window is not None  # of a wave that is asked about
    ends = arrivals(spans)
    late = tuple(plan.name for plan in wave.machines if ends.get(plan.name, 0.0) > closes)
    return Fit(
        needed=max(0.0, max(ends.values(), default=gate) - gate),
        there=closes - gate,
        opens=said(wave.window, found.opens),
        closes=said(wave.window, found.closes),
        late=late,
        fits=tuple(plan.name for plan in wave.machines if plan.name in ends and plan.name not in late),
        lead=lead,
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"
