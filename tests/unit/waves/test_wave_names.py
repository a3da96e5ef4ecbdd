import re

import pytest

from drover.waves import names

ODD = [
    "web 1",
    "web_1",
    "web-1",
    "web.1",
    "Köln",
    "K ln",
    "日本",
    "'quoted'",
    '"',
    "-x",
    "a--b",
    "x" * 200,
    "..",
    "$(id)",
]


@pytest.mark.parametrize("name", ["web", 'Database "Köln"', "it's", "a b", "日本", "x;rm -rf", "..", "007"])
def test_a_hypervisor_may_call_a_machine_nearly_anything(name):
    assert names.problem(name) is None


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("a/b", "slash"),
        ("a\nb", "line break"),
        ("a\x00", "U\\+0000"),
        ("a\x1b[0m", "U\\+001B"),
        ("\u202ea", "U\\+202E"),
    ],
)
def test_what_no_machine_is_called_is_told(name, word):
    problem = names.problem(name)
    assert problem is not None
    assert re.search(word, problem)
    assert "\n" not in problem


def test_a_key_is_safe_for_airflow_and_for_a_file_system():
    for name in ODD:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}", names.key(name)), name


def test_two_names_never_share_a_key():
    keys = [names.key(name) for name in ODD]
    assert len(set(keys)) == len(keys)
    # Not even where one name is another's key.
    assert len({names.key(key) for key in keys} | set(keys)) > len(keys)
    assert names.key(names.key("web 1")) != names.key("web 1")


def test_a_plain_name_is_its_own_key_and_a_key_stays_the_same():
    assert names.key("web-1") == "web-1"
    assert names.key("web 1") == "web_1--" + names.key("web 1").rsplit("--", 1)[1]
    assert names.key("Köln") == "K_ln--bafc9e7150"
