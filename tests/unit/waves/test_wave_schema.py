import pytest
from pydantic import ValidationError

from drover.model import Strategy
from drover.waves.schema import CommandCheck, HttpCheck, TcpCheck, Wave

VALUES = {
    "wave": "demo",
    "source": "a",
    "target": "b",
    "bandwidth": "400 Mbit/s",
    "backup": {"folder": "/backups"},
    "machines": [
        {
            "name": "db",
            "strategy": "cold",
            "shutdown_deadline": "1 min",
            "checks": [
                {"http": {"url": "http://192.0.2.1:8080/health", "contains": "ok"}},
                {"tcp": {"address": "192.0.2.1", "port": 80}},
                {"command": {"connection": "ssh", "run": ["true"]}},
            ],
        },
        {"name": "web", "strategy": "live", "after": ["db"], "compare_at_switchover": True, "target": "c"},
    ],
}


def test_a_wave_has_what_its_file_says_and_defaults_for_the_rest():
    wave = Wave.model_validate(VALUES)
    db, web = wave.machines
    assert wave.bandwidth == 50_000_000
    assert (db.strategy, db.shutdown_deadline, db.boot_deadline) == (Strategy.COLD, 60.0, 120.0)
    http, tcp, command = db.checks
    assert isinstance(http, HttpCheck)
    assert (http.http.status, http.http.contains) == (200, "ok")
    assert isinstance(tcp, TcpCheck)
    assert isinstance(command, CommandCheck)
    assert (command.command.run, command.command.exit) == (("true",), 0)
    assert (wave.source_of(web), wave.target_of(web), wave.target_of(db)) == ("a", "c", "b")


def test_a_wave_goes_through_json_unchanged():
    wave = Wave.model_validate(VALUES)
    assert Wave.model_validate_json(wave.model_dump_json()) == wave
    assert Wave.model_validate(wave.model_dump(mode="json")) == wave


def test_a_wave_cannot_be_changed():
    wave = Wave.model_validate(VALUES)
    with pytest.raises(ValidationError):
        wave.source = "x"


def test_whoever_builds_a_wave_without_a_file_is_held_to_the_same_rules():
    circle = [{"name": "a", "strategy": "cold", "after": ["b"]}, {"name": "b", "strategy": "cold", "after": ["a"]}]
    with pytest.raises(ValidationError, match="a -> b -> a"):
        Wave.model_validate(VALUES | {"machines": circle})
    with pytest.raises(ValidationError, match="warm"):
        Wave.model_validate(VALUES | {"machines": [{"name": "a", "strategy": "warm"}]})
