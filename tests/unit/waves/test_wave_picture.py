from xml.etree.ElementTree import fromstring

from drover.waves.picture import LOOKS, svg
from drover.waves.timeline import Span

SVG = "{http://www.w3.org/2000/svg}"


def test_a_bar_for_each_step_where_it_belongs():
    spans = [Span("web", "backup", 0, 100), Span("web", "transfer", 100, 300), Span("db", "validate", 0, 400)]
    picture = fromstring(svg("Wave w", ["web", "db"], spans))
    bars = {title.text: rect for rect in picture.iter(f"{SVG}rect") if (title := rect.find(f"{SVG}title")) is not None}
    assert list(bars) == [
        "web: backup, 2 min from 0 s on",
        "web: transfer, 3 min from 2 min on",
        "db: validate, 7 min from 0 s on",
    ]
    backup, transfer, validate = bars.values()
    assert float(transfer.get("x", "")) == float(backup.get("x", "")) + float(backup.get("width", ""))
    assert float(transfer.get("width", "")) == 2 * float(backup.get("width", ""))
    assert transfer.get("y") == backup.get("y") != validate.get("y")
    assert transfer.get("fill") == LOOKS["transfer"][1]


def test_where_the_window_closes():
    words = [text.text for text in fromstring(svg("w", [], [], closes=60.0)).iter(f"{SVG}text")]
    assert "the window closes" in words


def test_a_name_is_never_markup():
    name = '<script>alert("1")</script> & \x07'
    text = svg(name, [name], [Span(name, "backup", 0, 1)])
    assert "<script" not in text
    assert fromstring(text).find(f"{SVG}text").text == name.replace("\x07", "\ufffd")
