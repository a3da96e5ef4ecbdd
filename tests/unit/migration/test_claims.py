"""A claim holds a machine for one run, whatever happens between two looks at it."""

import dataclasses
import os
from typing import Any

import pytest

from conftest import Site
from drover.errors import OperatorNeededError
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


def test_two_workers_with_one_process_id_do_not_take_each_others_claim(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers count their processes on their own, so the two may well be alike."""
    site.run("inventory")
    later = dataclasses.replace(site, name="run-2")
    later.run("inventory")
    link, others = os.link, [later]

    def link_second(*ends: Any) -> None:
        if others:
            with others.pop().move() as move:
                claims.claim(move)
        link(*ends)

    monkeypatch.setattr(os, "link", link_second)
    with site.move() as move:
        with pytest.raises(OperatorNeededError, match="in run run-2"):
            claims.claim(move)

        assert [claim.run for claim in claims.held(move.root)] == ["run-2"]
        assert len(list((move.root / claims.FOLDER).iterdir())) == 1
