"""`--network OLD=NEW` and its like: names in pairs."""

from collections.abc import Iterable

from drover.errors import BadInputError


def read_pairs(texts: Iterable[str], what: str = "network", option: str = "--network") -> dict[str, str]:
    """The names may hold `=` themselves: the first one parts them. :raises BadInputError: one is no pair."""
    found = {}
    for text in texts:
        there, sign, here = text.partition("=")
        if not sign or not there or not here:
            raise BadInputError(f"'{text}' does not say which {what} is which.", remedy=f"Write {option} OLD=NEW.")
        found[there] = here
    return found
