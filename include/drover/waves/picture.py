"""The timeline of a plan as a picture: a row a machine, a bar a step. Plain SVG, which every browser shows.

Written through an XML library, so that a machine's name can never become markup.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from drover.waves.timeline import Span, end
from drover.waves.words import duration

# A step's letter on the terminal, and its colour.
LOOKS = {
    "inventory": ("i", "#9aa5b1"),
    "preflight": ("p", "#7b8794"),
    "baseline": ("n", "#9ecae9"),
    "backup": ("b", "#4c78a8"),
    "restore-test": ("r", "#72b7b2"),
    "transfer": ("T", "#54a24b"),
    "validate": ("v", "#eeca3b"),
    "test": ("t", "#f58518"),
    "cutover": ("c", "#e45756"),
    "performance": ("f", "#9ecae9"),
    "commit": ("m", "#b279a2"),
}
OTHER = ("o", "#bab0ac")

_WIDTH, _ROW, _BAR, _LEFT, _TOP, _RIGHT = 1000, 26, 16, 190, 56, 30
_TICKS = 6


def svg(title: str, machines: Sequence[str], spans: Sequence[Span], closes: float | None = None) -> str:
    """:param machines: in the order of their rows. :param closes: when the window closes, on the spans' clock."""
    whole = max(end(spans), closes or 0.0, 1.0)
    scale = (_WIDTH - _LEFT - _RIGHT) / whole
    height = _TOP + _ROW * len(machines) + 60
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {_WIDTH} {height}",
            "font-family": "sans-serif",
            "font-size": "12",
        },
    )
    _rect(root, 0, 0, _WIDTH, height, "#ffffff")
    _text(root, 10, 22, title, size="15")
    bottom = _TOP + _ROW * len(machines)
    _axis(root, whole, scale, bottom)
    for number, name in enumerate(machines):
        top = _TOP + _ROW * number
        _text(root, 10, top + 13, name if len(name) <= 28 else f"{name[:27]}…")
        for span in spans:
            if span.machine == name:
                _bar(root, span, scale, top)
    if closes is not None:
        x = _LEFT + closes * scale
        _line(root, x, _TOP - 8, x, bottom, "#c00000")
        _text(root, x, _TOP - 28, "the window closes", anchor="middle", fill="#c00000")
    _legend(root, bottom + 40, spans)
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


def looks(spans: Sequence[Span]) -> dict[str, tuple[str, str]]:
    """Those of the steps that there are."""
    used = {span.step for span in spans}
    return {step: look for step, look in LOOKS.items() if step in used}


def _axis(root: Element, whole: float, scale: float, bottom: float) -> None:
    for tick in range(_TICKS + 1):
        seconds = whole * tick / _TICKS
        x = _LEFT + seconds * scale
        _line(root, x, _TOP - 4, x, bottom, "#dddddd")
        _text(root, x, _TOP - 10, duration(seconds), anchor="middle", fill="#555555")


def _bar(root: Element, span: Span, scale: float, top: float) -> None:
    width = max(0.5, (span.ends - span.begins) * scale)
    colour = LOOKS.get(span.step, OTHER)[1]
    rect = _rect(root, _LEFT + span.begins * scale, top, width, _BAR, colour)
    words = f"{span.machine}: {span.step}, {duration(span.ends - span.begins)} from {duration(span.begins)} on"
    SubElement(rect, "title").text = _written(words)


def _legend(root: Element, y: float, spans: Sequence[Span]) -> None:
    x = float(_LEFT)
    for step, (_, colour) in looks(spans).items():
        _rect(root, x, y - 10, 12, 12, colour)
        _text(root, x + 16, y, step)
        x += 95


def _rect(root: Element, x: float, y: float, width: float, height: float, fill: str) -> Element:
    return SubElement(
        root,
        "rect",
        {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}", "fill": fill},
    )


def _line(root: Element, x: float, y: float, to_x: float, to_y: float, stroke: str) -> None:
    SubElement(
        root, "line", {"x1": f"{x:.1f}", "y1": f"{y:.1f}", "x2": f"{to_x:.1f}", "y2": f"{to_y:.1f}", "stroke": stroke}
    )


def _text(
    root: Element, x: float, y: float, words: str, *, anchor: str = "start", fill: str = "#222222", size: str = "12"
) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "fill": fill, "font-size": size}
    SubElement(root, "text", place).text = _written(words)


def _written(words: str) -> str:
    """XML has no way to write most control characters, not even escaped."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in words)
