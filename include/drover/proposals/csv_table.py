"""A CSV file as a sheet: comma, semicolon or tab; UTF-8 with or without a BOM, or UTF-16 with one."""

import csv
import io
from pathlib import Path

from drover.errors import BadInputError
from drover.proposals.table import Sheet, frame_of

LARGEST = 64 * 1024**2
_SEPARATORS = ";,\t"
_SAVE = "Save it as 'CSV UTF-8' and run this again."


def sheet(path: Path) -> Sheet:
    """:raises BadInputError: it cannot be read, or is no table."""
    text = _text(path)
    head_line = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=head_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    lines: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for values in reader:
            # A cell may hold line breaks: a row is known by the line that it begins in.
            lines.append((before + 1, values))
            before = reader.line_num
    except csv.Error as error:
        raise BadInputError(f"{path}, line {before + 1}: {error}.", remedy="Correct the quotes there.") from None
    lines = [(line, values) for line, values in lines if any(value.strip() for value in values)]
    if not lines:
        raise BadInputError(f"{path} is empty.", remedy="Give a table with a machine in each line.")
    (_, head), *rest = lines
    for line, values in rest:
        if any(value.strip() for value in values[len(head) :]):
            raise BadInputError(
                f"{path}, line {line}: it has {len(values)} cells, and the head has {len(head)}.",
                remedy=f"Put cells that hold '{separator}' in double quotes.".replace("\t", "a tab"),
            )
    return Sheet(path, "", frame_of(str(path), head, rest))


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be read: {error.strerror}.", remedy="Name a file that you may read."
        ) from None
    if len(data) > LARGEST:
        raise BadInputError(f"{path} has {len(data)} bytes: this is no list of machines.", remedy="Name another file.")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        problem = f"the byte 0x{data[error.start]:02x} is not {encoding.removesuffix('-sig').upper()}"
        raise BadInputError(f"{path}, line {line}, byte {column}: {problem}.", remedy=_SAVE) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadInputError(f"{path}, line {line}: a NUL, which no text has.", remedy=_SAVE)
    return text
