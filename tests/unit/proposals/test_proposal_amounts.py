from decimal import Decimal

import pytest

from drover.proposals.amounts import flag, number, size


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2048", "2048"),
        ("1,234,567", "1234567"),
        ("1.234.567,5", "1234567.5"),
        ("1 234", "1234"),
        ("1\u202f234,5", "1234.5"),
        ("1'234'567", "1234567"),
        ("2,5", "2.5"),
        ("0.125", "0.125"),
    ],
)
def test_numbers_of_any_country(text: str, value: str) -> None:
    assert number(text) == Decimal(value)


def test_what_can_be_read_in_two_ways_is_refused_unless_it_must_be_whole() -> None:
    assert number("1.024", whole=True) == 1024
    assert number("1,024", whole=True) == 1024
    with pytest.raises(ValueError, match="may be 1024 or 1.024"):
        number("1,024")


@pytest.mark.parametrize("text", ["", "-1", "1e9", "12,34,5", "ten", "1 GiB"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no number"):
        number(text)


def test_sizes_have_a_unit_of_their_own_or_of_the_column() -> None:
    assert size("40 GiB") == 40 * 2**30
    assert size("40GB", "MiB") == 40 * 10**9
    assert size("1,5", "TiB") == 3 * 2**39
    with pytest.raises(ValueError, match="has no unit"):
        size("40")


def test_yes_and_no() -> None:
    assert flag("Wahr")
    assert flag("True")
    assert not flag("False")
    with pytest.raises(ValueError, match="neither"):
        flag("perhaps")
