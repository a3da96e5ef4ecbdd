import json
import re
from pathlib import Path

from drover.waves import units
from drover.waves.json_schema import FILE_NAME, schema, schema_text

WAVES = Path(__file__).parents[3] / "include" / "waves"


def test_the_committed_schema_is_current():
    told = f"run './drover wave schema --output include/waves/{FILE_NAME}'"
    assert (WAVES / FILE_NAME).read_text(encoding="utf-8") == schema_text(), told


def test_every_wave_names_the_schema_for_its_editor():
    for path in [*WAVES.glob("*.yaml"), *WAVES.glob("*/*.yaml")]:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        named = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", first)
        assert named, path
        assert (path.parent / named[1]).samefile(WAVES / FILE_NAME)


def test_the_schema_takes_amounts_as_the_loader_does():
    machine = schema()["$defs"]["MachinePlan"]["properties"]
    deadline = machine["shutdown_deadline"]
    for text, good in (("60 s", True), ("2min", True), ("60", False), ("60 sec", False)):
        assert bool(re.search(deadline["pattern"], text)) is good
    assert units.parse_duration(deadline["default"]) == 120
    assert machine["strategy"]["enum"] == ["cold", "live"]


def test_the_schema_forbids_keys_that_are_not_known():
    described = schema()
    parts = [described, *described["$defs"].values()]
    assert all(part["additionalProperties"] is False for part in parts if part.get("type") == "object")
    assert json.loads(schema_text()) == described
