"""A claim holds a machine for one run, whatever happens between two looks at it."""

import os
from typing import Any

import pytest

from conftest import Site
from drover.migration import claims


def test_a_claim_that_was_let_go_between_two_looks_is_taken_after_all(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run held the machine when it was asked for, and had ended when it was asked who holds it."""
    site.run("inventory")
    link, refused = os.link, [1]

    def held_once(*ends: Any) -> None:
        if refused:
            refused.pop()
            raise FileExistsError
        link(*ends)

    monkeypatch.setattr(os, "link", held_once)
    with site.move() as move:
        claims.claim(move)

        assert [claim.run for claim in claims.held(move.root)] == [move.run]
