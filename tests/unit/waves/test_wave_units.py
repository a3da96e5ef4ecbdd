import pytest

from drover.waves import cron, units


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("400 Mbit/s", 50_000_000),
        ("50 MiB/s", 50 * 2**20),
        ("1.5 Gbit/s", 187_500_000),
        ("1MB/s", 1_000_000),
        ("8 kbit/s", 1000),
        ("12345 B/s", 12345),
        ("0.1 GiB/s", 107_374_182),
    ],
)
def test_a_bandwidth_is_bytes_a_second(text, rate):
    assert units.parse_bandwidth(text) == rate
    assert units.parse_bandwidth(units.format_bandwidth(rate)) == rate


@pytest.mark.parametrize(
    "text", ["400 Mbps", "400", "Mbit/s", "-5 MB/s", "5 mb/s", "5  MB/s", "1e3 MB/s", "5 MB", "", "٤ MB/s", "5 MB/s\n"]
)
def test_a_wrong_bandwidth_is_told_with_the_units_that_there_are(text):
    with pytest.raises(ValueError, match="expected .*Mbit/s.*MiB/s"):
        units.parse_bandwidth(text)


@pytest.mark.parametrize("text", ["0 MB/s", "1 B/s", "7 kbit/s"])
def test_a_bandwidth_with_which_nothing_arrives_is_refused(text):
    with pytest.raises(ValueError, match="nothing would ever arrive"):
        units.parse_bandwidth(text)


@pytest.mark.parametrize(("text", "seconds"), [("60 s", 60), ("2 min", 120), ("1.5 h", 5400), ("0.25s", 0.25)])
def test_a_duration_is_seconds(text, seconds):
    assert units.parse_duration(text) == seconds
    assert units.parse_duration(units.format_duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["60", "60 sec", "2 m", "1 d", "-1 s", "s"])
def test_a_wrong_duration_is_told_with_the_units_that_there_are(text):
    with pytest.raises(ValueError, match="expected .*s, min, h"):
        units.parse_duration(text)


@pytest.mark.parametrize(("text", "share"), [("25 %", 25), ("2.5%", 2.5), ("1000 %", 1000)])
def test_a_share_is_per_cent(text, share):
    assert units.parse_percent(text) == share
    assert units.parse_percent(units.format_percent(share)) == share


@pytest.mark.parametrize("text", ["25", "0 %", "1001 %", "-1 %", "25 percent", "%", "1e2 %"])
def test_a_wrong_share_is_told(text):
    with pytest.raises(ValueError, match="is no share: expected up to 1000 per cent, as in '25 %'"):
        units.parse_percent(text)


@pytest.mark.parametrize("text", ["0 s", "1000 h"])
def test_a_duration_that_cannot_be_meant_is_refused(text):
    with pytest.raises(ValueError, match="between"):
        units.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30 days", 30 * 86400), ("1 day", 86400), ("0.5 days", 43200), ("36 h", 129600)]
)
def test_a_period_may_have_days_and_comes_back_as_it_was(text, seconds):
    assert units.parse_period(text) == seconds
    assert units.parse_period(units.format_duration(units.parse_period(text))) == seconds


@pytest.mark.parametrize("text", ["30", "30 d", "0 days", "40000 days", "-1 days", "many days"])
def test_a_period_that_is_none_is_told(text):
    with pytest.raises(ValueError, match="between|not a period|not a unit"):
        units.parse_period(text)


@pytest.mark.parametrize(
    "text",
    ["30 22 * * 6", "@daily", "*/15 0-6,22 1,15 jan-mar mon-fri", "0 0 * * 7", "5-50/5 * * * SAT", "0 22-4 * * 1#2"],
)
def test_a_schedule_that_cron_knows(text):
    assert cron.problem(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "61 * * * *",
        "* * * *",
        "* * * * * *",
        "@dayly",
        "* 24 * * *",
        "* * 0 * *",
        "x * * * *",
        "*/0 * * * *",
        "H * * * *",
        "0 0 30 feb *",
        "",
        "* * * foo *",
        "1,, * * * *",
    ],
)
def test_a_schedule_that_cron_does_not_know(text):
    assert cron.problem(text) is not None
