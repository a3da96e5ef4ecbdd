"""Secure Boot trusts the signatures of one template; other platforms have their own sets of keys."""

from collections.abc import Iterator

from drover.concerns.finding import information
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "firmware.secure_boot_template"
WAIVABLE = False
KINDS = frozenset({"secure-boot-template"})


def check(p: Preflight) -> Iterator[Concern]:
    """Between two hosts of one kind it is kept."""
    for device in p.devices(KINDS) if p.to_another_kind else ():
        yield information(
            ID,
            "Template of Secure Boot",
            found=f"Machine '{p.plan.name}' boots by another template than Windows' own ({device}).",
            why="The target has no such templates, but a set of keys that its firmware comes with.",
            do="See that those keys trust the guest's boot loader; the trial boot shows it.",
        )
