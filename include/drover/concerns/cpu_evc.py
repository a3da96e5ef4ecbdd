"""A running guest moves by vMotion between hosts whose CPUs are not known to be alike."""

from collections.abc import Iterator

from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import HostFacts, Preflight
from drover.model import Concern, Strategy

ID = "cpu.evc"
WAIVABLE = False

_LABEL = "CPUs or EVC modes differ"


def check(p: Preflight) -> Iterator[Concern]:
    kinds = {p.source_host.hypervisor, p.target_host.hypervisor}
    if p.source is None or p.plan.strategy is not Strategy.LIVE or kinds != {"vsphere"}:
        return
    here, there = _models(p.source_facts, p.source.host), _models(p.target_facts, p.mappings.host)
    if None in here | there or not here or not there:
        yield unknown(
            ID,
            _LABEL,
            what=f"which CPUs or EVC modes the hosts have that '{p.plan.name}' runs on and goes to",
            do="Connect the hosts that do not answer, give the login the right to read them, or choose 'cold'.",
        )
    elif len(here | there) > 1:
        yield warning(
            ID,
            _LABEL,
            found=f"The hosts at the source have {_words(here)}, those at the target {_words(there)}.",
            why="vMotion refuses a running guest that was shown a feature which the target's CPU lacks.",
            do="Set the same EVC mode on both clusters, or choose the strategy 'cold'.",
        )


def _models(facts: HostFacts, name: str | None) -> set[str | None]:
    """Of the host of this name; of every one that takes machines where it is none, such as a cluster."""
    named = [host for host in facts.hosts if host.name == name]
    return {host.cpu_model for host in named or facts.hosts if named or not host.in_maintenance}


def _words(models: set[str | None]) -> str:
    return " or ".join(sorted(str(model) for model in models))
