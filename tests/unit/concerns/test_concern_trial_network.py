import pytest
from factory import CRITICAL, NETWORKS, WARNING, categories, preflight

from drover.concerns import trial_network as concern
from drover.model import Network

MAPPINGS = {"networks": {"production": "production"}, "storage": {"default": "default"}}


def test_an_isolated_network_is_no_concern():
    assert categories(concern, preflight()) == []


def test_none_is_a_warning_for_a_cold_move_only():
    assert categories(concern, preflight(mappings=MAPPINGS)) == [WARNING]
    assert categories(concern, preflight(mappings=MAPPINGS, live=True)) == []


@pytest.mark.parametrize(
    "networks",
    [
        NETWORKS[:1],
        (*NETWORKS[:1], Network("isolated", False, isolated=True)),
        (*NETWORKS[:1], Network("isolated", True, isolated=False)),
    ],
)
def test_one_that_is_missing_inactive_or_not_isolated_blocks(networks):
    assert categories(concern, preflight(networks=networks)) == [CRITICAL]


def test_a_live_move_needs_one_too_where_its_backup_is_booted():
    tested = {"folder": "/backups", "restore_test": "all"}
    assert categories(concern, preflight(live=True, networks=NETWORKS[:1])) == []
    assert categories(concern, preflight(live=True, networks=NETWORKS[:1], backup=tested)) == [CRITICAL]
