"""What a connection allows counts in the estimate, too, and a place knows its connections."""

import pytest

from drover.errors import BadInputError
from drover.hypervisors.connection import ConnectionSpec
from drover.waves import limits
from drover.waves.schema import Limits, Wave


def wave(**more):
    machine = {"name": "db", "strategy": "cold"}
    ends = {"source": "old", "target": "new", "backup": {"folder": "/b"}}
    return Wave.model_validate({"wave": "w", **ends, "machines": [machine], **more})


def connections(**extra):
    return lambda conn_id: ConnectionSpec(conn_id, "libvirt", conn_id, extra=extra.get(conn_id, {}))


def test_the_smallest_number_counts_and_none_is_any():
    found = limits.bound(
        wave(limits={"host": 3}), connections(old={"limits": {"host": 5, "link": 2}}, new={"limits": {"host": 1}})
    )
    assert found.limits == Limits(host=1, link=2)
    assert limits.bound(wave(), connections()).limits == Limits()


def test_limits_that_cannot_be_read_are_told_before_anything_begins():
    with pytest.raises(BadInputError, match="limits of the connection 'new' cannot be read"):
        limits.bound(wave(), connections(new={"limits": "two"}))


def test_a_place_knows_whose_it_is():
    assert limits.connections("host old/esx 1/a") == ("old",)
    assert limits.connections("storage a.b-c/fast to slow") == ("a.b-c",)
    assert limits.connections("link old to new") == ("old", "new")
