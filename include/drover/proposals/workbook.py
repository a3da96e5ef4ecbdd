"""An xlsx file as sheets."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drover.errors import BadInputError
from drover.proposals.table import FORMULA, Sheet, frame_of

# What the file may come to when it is unpacked; an export of ten thousand machines has a hundredth of it.
LARGEST = 4 * 1024**3


def sheets(path: Path, wanted: tuple[str, ...]) -> Mapping[str, Sheet]:
    """Those of the wanted sheets that there are, by name; an empty one counts as absent.

    :raises BadInputError: it cannot be read, or is no xlsx.
    """
    import warnings

    from openpyxl import load_workbook

    _check(path)
    try:
        with warnings.catch_warnings():
            # It misses styles and headers that nobody here asks for.
            warnings.simplefilter("ignore")
            book = load_workbook(path, read_only=True, keep_links=False)
            there = {name.casefold().removeprefix("tab"): name for name in book.sheetnames}
            found = {name: _lines(book[there[name.casefold()]]) for name in wanted if name.casefold() in there}
            book.close()
    except OSError as error:
        raise _unreadable(path, error) from None
    except Exception as error:  # noqa: BLE001  whatever a broken package makes the reader stumble over
        raise _no_xlsx(path, f"it breaks off inside ({type(error).__name__})") from None
    result = {}
    for name, lines in found.items():
        if lines:
            (_, head), *rest = lines
            sheet = Sheet(path, name, frame_of(f"{path}, sheet {name}", head, rest))
            result[name] = sheet
    return result


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            begin = file.read(8)
        if begin.startswith(b"\xd0\xcf\x11\xe0"):
            raise _no_xlsx(path, "it is an old .xls file, or one with a password")
        with zipfile.ZipFile(path) as archive:
            large = sum(part.file_size for part in archive.infolist())
    except OSError as error:
        raise _unreadable(path, error) from None
    except zipfile.BadZipFile:
        raise _no_xlsx(path, "it is no zip archive") from None
    if large > LARGEST:
        raise _no_xlsx(path, f"unpacked it would have {large} bytes")


def _lines(worksheet: Any) -> list[tuple[int, list[Any]]]:
    # Writers other than Excel note the sheet's extent wrongly, and then rows would be missing.
    worksheet.reset_dimensions()
    lines: list[tuple[int, list[Any]]] = []
    for number, cells in enumerate(worksheet.iter_rows(), 1):
        values = [FORMULA if cell.data_type == "f" else cell.value for cell in cells]
        if lines or any(value is not None for value in values):
            lines.append((number, values))
    return lines


def _unreadable(path: Path, error: OSError) -> BadInputError:
    return BadInputError(f"{path} cannot be read: {error.strerror}.", remedy="Name a file that you may read.")


def _no_xlsx(path: Path, why: str) -> BadInputError:
    return BadInputError(
        f"{path} is not an xlsx file: {why}.",
        remedy="Give the file that RVTools wrote with 'Export all to Excel', saved as .xlsx without a password.",
    )
