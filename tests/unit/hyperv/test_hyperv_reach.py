"""Whether a host's disks can be reached, asked of a whole simulated host before anything is touched."""

import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hyperv_peer import World
from hyperv_place import Place, running
from samba import Samba
from smb_relay import Relay

from drover.concerns import disk_unreachable
from drover.concerns.gather import read_facts
from drover.hypervisors.hyperv import smb_client
from drover.hypervisors.hyperv.smb_client import out_of_reach
from drover.hypervisors.reach import OutOfReach

sys.path.append(str(Path(__file__).parents[1] / "concerns"))
from factory import preflight  # noqa: E402


@pytest.fixture(scope="module")
def place(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running(world, tmp_path_factory.mktemp("reach"), "hv-q") as made:
        yield made


def told(place: Place, **changes: object) -> list[str]:
    """What the plan says of a machine that goes to this host."""
    with place.open(**changes) as hypervisor:
        seen = replace(preflight(), target_facts=read_facts(hypervisor))
    return [one.assessment for one in disk_unreachable.check(seen)]


def test_nothing_is_said_where_the_login_is_let_in(place: Place) -> None:
    assert told(place) == []
    assert told(place, smb_encrypt=False) == []


def test_a_closed_port_is_told_before_the_move(place: Place) -> None:
    with closing(Relay(place.samba.port)) as closed:
        pass
    assert told(place, smb_port=closed.port) == [
        f"127.0.0.1 does not answer for files (SMB, port {closed.port}). Disks on HV-Q are backed up, copied and read "
        "back over that line. Try again when it does; if it never did, open that port there, or correct the "
        "connection's smb_port."
    ]


def test_a_line_that_breaks_or_falls_silent_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smb_client, "_SECONDS", 1.0)
    with closing(Relay(place.samba.port)) as relay:
        for silently in (False, True):
            relay.break_after(300, silently=silently)
            (sentence,) = told(place, smb_port=relay.port)
            assert sentence.startswith(f"127.0.0.1 does not answer for files (SMB, port {relay.port}). ")
        relay.mend()
        assert told(place, smb_port=relay.port) == []


def test_a_login_that_is_refused_is_told(place: Place) -> None:
    spec = place.samba.spec(password="wrong")
    assert out_of_reach(spec) == OutOfReach(
        "127.0.0.1 refuses the login of the connection 'hv_a' for files (SMB).",
        "Check login and password, and that the login is an administrator there.",
    )


def test_a_connection_that_no_disk_can_be_read_with_is_told(place: Place) -> None:
    found = out_of_reach(place.samba.spec(transport="certificate", password=""))
    assert found is not None
    assert found.message.startswith("The connection 'hv_a' has no login and password, and disks are reached over SMB")


def test_a_server_that_cannot_encrypt_is_told(tmp_path: Path) -> None:
    plain = Samba(tmp_path / "samba", encrypt="off")
    try:
        found = out_of_reach(plain.spec())
        assert found is not None
        assert found.message == "127.0.0.1 cannot encrypt what it sends over SMB."
        assert out_of_reach(plain.spec(smb_encrypt=False)) is None
    finally:
        plain.stop()
