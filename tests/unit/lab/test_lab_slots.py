"""Names, slots and addresses of labs."""

from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from drover.errors import BadInputError, OperatorNeededError
from drover_lab import slots, state


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "ROOT", tmp_path)
    monkeypatch.setattr(slots, "networks_in_use", lambda: [])
    return tmp_path


@pytest.mark.parametrize("name", ["drover", "t1234", "a", "my-lab-2"])
def test_good_names(name: str) -> None:
    assert slots.check_name(name) == name


@pytest.mark.parametrize("name", ["", "-x", "A", "a/b", "..", "a b", "a'b", "a\nb", "x" * 32, "ü"])
def test_bad_names(name: str) -> None:
    with pytest.raises(BadInputError, match="cannot be the name of a lab"):
        slots.check_name(name)


def test_the_default_lab_has_slot_zero_and_no_other_has() -> None:
    assert slots.claim("other") == 1
    assert slots.claim("drover") == 0
    assert slots.claim("third") == 2


def test_a_lab_keeps_its_slot_until_it_is_released() -> None:
    assert slots.claim("one") == 1
    assert slots.claim("two") == 2
    assert slots.claim("one") == 1
    slots.release("one")
    assert slots.find("one") is None
    assert slots.claim("three") == 1


def test_releasing_the_last_leaves_no_folder(root: Path) -> None:
    slots.claim("one")
    slots.release("one")
    slots.release("one")
    assert list(root.iterdir()) == []


def test_many_at_once_get_different_slots() -> None:
    names = [f"lab{number}" for number in range(40)]
    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(slots.claim, names))
    assert len(set(taken)) == len(names)


def test_addresses_that_the_machine_uses_itself_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    used = [IPv4Network("10.214.1.128/25"), IPv4Network("10.213.2.0/24"), IPv4Network("192.168.0.0/16")]
    monkeypatch.setattr(slots, "networks_in_use", lambda: used)
    assert slots.claim("lab") == 3


def test_the_default_lab_says_so_when_its_addresses_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "networks_in_use", lambda: [IPv4Network("10.0.0.0/8")])
    with pytest.raises(OperatorNeededError, match="no addresses free for the lab 'drover'"):
        slots.claim("drover")
    assert slots.find("drover") is None
