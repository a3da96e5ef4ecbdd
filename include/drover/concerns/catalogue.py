"""Which concerns there are: every module beside this one that has an ID and a `check`, found by listing the folder."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

import drover.concerns
from drover.concerns.preflight import Preflight
from drover.model import Concern

_NOT_CONCERNS = {"catalogue", "finding", "gather", "landing", "places", "preflight", "run"}


class ConcernModule(Protocol):
    """What a concern's file has. :param WAIVABLE: whether a person may accept what it finds."""

    ID: str
    WAIVABLE: bool

    def check(self, p: Preflight) -> Iterable[Concern]: ...


@cache
def modules() -> tuple[ConcernModule, ...]:
    """All concerns, ordered by id."""
    names = [module.name for module in iter_modules(drover.concerns.__path__) if module.name not in _NOT_CONCERNS]
    found = [cast(ConcernModule, import_module(f"drover.concerns.{name}")) for name in names]
    return tuple(sorted(found, key=lambda module: module.ID))


def waiver_problem(concern_id: str) -> str | None:
    """Why a concern of this id cannot be waived, in words; None where it can."""
    waivable = {module.ID: module.WAIVABLE for module in modules()}
    if waivable.get(concern_id):
        return None
    allowed = [known for known, may in waivable.items() if may]
    if concern_id in waivable:
        return f"the concern '{concern_id}' cannot be waived: expected it to be mended, no migration works with it"
    close = get_close_matches(concern_id, allowed, n=1)
    hint = f"'{close[0]}'?" if close else f"one of {', '.join(allowed)}"
    return f"there is no concern '{concern_id}': expected {hint}"
