"""A network adapter would be of another model, for which the guest needs another driver."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "translation.nic_model"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.translated is None:
        return
    for here, there in zip(p.source.nics, p.translated.nics, strict=False):
        if here.model != there.model:
            yield warning(
                ID,
                "Network adapter of another model",
                found=f"The adapter {here.mac} of '{p.plan.name}' is a {here.model or 'model that nobody named'}; "
                f"at the target it is a {there.model}.",
                why="A guest may lack its driver, and many take another model for a new adapter, without an address.",
                do="Make sure that the guest has the driver and ties its address to the MAC; the checks will show it.",
            )
