"""When each step of a wave will begin and end: the wave played through in thought, step by step.

Machines go side by side as the order and the limits let them. Copies that go on at the same time share: those between
the same two hosts what passes between these, and all of them the wave's bandwidth. Seconds and bytes throughout.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Before this step the machine runs undisturbed at its source; a window is asked here.
DOWN = "transfer"
_NOTHING = 1e-6


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a machine.

    :param seconds: what it takes beside the bytes. :param data: bytes that pass the link; :param rate: bytes a second,
        with the link to itself. :param slots: of what it takes a place while it goes on.
    """

    name: str
    seconds: float
    data: float = 0.0
    rate: float = 1.0
    link: str = ""
    slots: tuple[str, ...] = ()

    @property
    def alone(self) -> float:
        """How long it takes where nothing else goes on."""
        return self.seconds + self.data / self.rate


@dataclass(frozen=True, slots=True)
class Job:
    """A machine. :param after: the machines that must be done before it begins."""

    name: str
    after: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Span:
    machine: str
    step: str
    begins: float
    ends: float


@dataclass(slots=True)
class _Under:
    """A step under way."""

    job: Job
    step: Step
    began: float
    seconds: float
    data: float


@dataclass(slots=True)
class _Play:
    jobs: list[Job]
    limit: float | None
    slots: Mapping[str, int]
    gate: float
    now: float = 0.0
    at: dict[str, int] = field(default_factory=dict)
    under: list[_Under] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    def run(self) -> list[Span]:
        self.at = {job.name: 0 for job in self.jobs}
        while True:
            self._begin()
            if not self.under and not self._waits_for_gate():
                return self.spans
            self._go_on()

    def _begin(self) -> None:
        busy = {each.job.name for each in self.under}
        for job in self.jobs:
            step = self._next(job)
            if step is None or job.name in busy or not self._may(job, step):
                continue
            self.under.append(_Under(job, step, self.now, step.seconds, step.data))

    def _next(self, job: Job) -> Step | None:
        return job.steps[self.at[job.name]] if self.at[job.name] < len(job.steps) else None

    def _may(self, job: Job, step: Step) -> bool:
        """A predecessor that is not played counts as done."""
        if any(self._next(other) is not None for other in self.jobs if other.name in job.after):
            return False
        if step.name == DOWN and self.now < self.gate - _NOTHING:
            return False
        taken = [slot for each in self.under for slot in each.step.slots]
        return all(taken.count(slot) < self.slots[slot] for slot in step.slots if slot in self.slots)

    def _waits_for_gate(self) -> bool:
        return self.now < self.gate - _NOTHING and any(self._next(job) is not None for job in self.jobs)

    def _go_on(self) -> None:
        """To the next moment at which something ends."""
        rates = [self._rate(each) for each in self.under]
        left = [
            each.seconds if each.seconds > 0 else each.data / rate for each, rate in zip(self.under, rates, strict=True)
        ]
        if self.now < self.gate - _NOTHING:
            left.append(self.gate - self.now)
        passed = max(0.0, min(left))
        self.now += passed
        for each, rate in zip(self.under, rates, strict=True):
            if each.seconds > 0:
                each.seconds = 0.0 if each.seconds - passed < _NOTHING else each.seconds - passed
            else:
                each.data -= rate * passed
        self._end()

    def _rate(self, one: _Under) -> float:
        copying = [each for each in self.under if each.seconds <= 0]
        beside = max(1, sum(each.step.link == one.step.link for each in copying))
        share = one.step.rate / beside
        return share if self.limit is None else min(share, self.limit / max(1, len(copying)))

    def _end(self) -> None:
        still = []
        for each in self.under:
            # What is left of the bytes after a division is less than one.
            if each.seconds > 0 or each.data >= 1:
                still.append(each)
                continue
            self.spans.append(Span(each.job.name, each.step.name, each.began, self.now))
            self.at[each.job.name] += 1
        self.under = still


def play(
    jobs: Iterable[Job], *, limit: float | None = None, slots: Mapping[str, int] | None = None, gate: float = 0.0
) -> list[Span]:
    """All steps in the order in which they end. The first begins at 0.

    :param limit: the wave's bandwidth. :param slots: how many may take a place in each at the same time, at least one.
    :param gate: before this moment no machine goes down.
    """
    return _Play(list(jobs), limit, slots or {}, gate).run()


def end(spans: Iterable[Span]) -> float:
    return max((span.ends for span in spans), default=0.0)


def lead(jobs: Iterable[Job], *, limit: float | None = None, slots: Mapping[str, int] | None = None) -> float:
    """How long before a window opens a wave may begin usefully: with what its first machines do before they go down."""
    jobs = list(jobs)
    names = {job.name for job in jobs}
    first = [job for job in jobs if not names.intersection(job.after)]
    before = [Job(job.name, (), _until_down(job.steps)) for job in first]
    return end(play(before, limit=limit, slots=slots))


def _until_down(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Nothing, where the machine is down already."""
    names = [step.name for step in steps]
    return steps[: names.index(DOWN)] if DOWN in names else ()
