"""Between two steps of a run somebody gives the machine's name to another one: that one is left alone."""

import pytest
from outcomes import RUNNING

from conftest import Site
from drover.errors import OperatorNeededError

OTHER = "99999999-0000-4000-8000-000000000001"


@pytest.mark.parametrize("stage", ["backup", "transfer"])
def test_a_machine_that_got_the_name_meanwhile_is_left_alone(site: Site, stage: str) -> None:
    site.run_until(stage)
    before = site.source.known["web"].uuid
    site.source.change("web", uuid=OTHER)

    with pytest.raises(OperatorNeededError) as told:
        site.run(stage)

    assert told.value.message == (
        "The machine named 'web' at the source is another one than when the run began: its UUID is "
        f"{OTHER}, and it was {before}."
    )
    assert site.source.state("web") is RUNNING
    assert "web" not in site.target.known
