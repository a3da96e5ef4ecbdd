"""How a concern is put into words: what was found, why it matters, what to do."""

from dataclasses import dataclass

from drover.model import Category, Concern


@dataclass(frozen=True, slots=True)
class UnknownConcern(Concern):
    """A Critical concern because a fact is missing. It is never waived: nobody can accept what nobody knows."""


def critical(concern_id: str, label: str, *, found: str, why: str, do: str) -> Concern:
    return Concern(concern_id, Category.CRITICAL, label, f"{found} {why} {do}")


def warning(concern_id: str, label: str, *, found: str, why: str, do: str) -> Concern:
    return Concern(concern_id, Category.WARNING, label, f"{found} {why} {do}")


def information(concern_id: str, label: str, *, found: str, why: str, do: str) -> Concern:
    return Concern(concern_id, Category.INFORMATION, label, f"{found} {why} {do}")


def unknown(concern_id: str, label: str, *, what: str, do: str) -> Concern:
    """Law: unknown blocks. :param what: the fact that is missing, as a noun: `the target's list of firmwares`."""
    why = "What is not known may be what breaks the machine, so it counts as found."
    return UnknownConcern(concern_id, Category.CRITICAL, label, f"Nobody could tell {what}. {why} {do}")


def size(count: float) -> str:
    """Bytes for a reader: `1.5 GiB`."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
