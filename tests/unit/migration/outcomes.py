"""How a machine stands after some stages of its move."""

from pathlib import Path

from conftest import Site
from drover.model import PowerState

OFF, RUNNING = PowerState.OFF, PowerState.RUNNING


def same_bytes(site: Site) -> bool:
    pairs = zip(site.source.known["web"].disks, site.target.known["web"].disks, strict=True)
    return all(Path(a.path).read_bytes() == Path(b.path).read_bytes() for a, b in pairs)


def taken_back(site: Site) -> bool:
    """The source is as it was, and nothing of ours is left at the target."""
    source = site.source.known["web"]
    return source.state is RUNNING and source.autostart and "web" not in site.target.known


def moved_along(site: Site) -> None:
    """All stages up to the cutover, of a move that takes the machine along."""
    site.run_until("commit")
    assert "web" not in site.source.known
    assert site.target.state("web") is RUNNING
