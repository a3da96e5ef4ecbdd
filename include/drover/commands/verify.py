"""Compare two disks, image file or NBD address at each side: same, different, or cannot tell."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drover.blocks.console import human_bytes, progress_bars

if TYPE_CHECKING:
    from drover.blocks.compare import Comparison

app = typer.Typer(add_completion=False)

DIFFERENT = 1
_SHOWN = 20


@app.command()
def verify(
    source: Annotated[str, typer.Argument(help="Image file, nbd://host:port/name or nbd+unix:///name?socket=/path.")],
    target: Annotated[str, typer.Argument(help="The same.")],
    source_format: Annotated[
        str | None, typer.Option(help="Format of the first file, and that the files it names may be read.")
    ] = None,
    target_format: Annotated[str | None, typer.Option(help="The same of the second file.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> None:
    """Reads both disks, whatever their formats, and compares what a guest would see; holes count as zeroes.

    Exit code 0: the same; 1: different, with the byte ranges; 2: it cannot be told.
    """
    from drover.blocks.compare import compare
    from drover.blocks.ends import open_source, parse_end
    from drover.blocks.throttle import Throttle

    first, second = parse_end(source), parse_end(target)
    with (
        open_source(first, source_format) as left,
        open_source(second, target_format) as right,
        progress_bars() as progress,
    ):
        result = compare(left, right, throttle=Throttle(), progress=progress)
    typer.echo(json.dumps(_facts(result)) if json_output else _words(result))
    if not result.equal:
        raise typer.Exit(DIFFERENT)


def _facts(result: "Comparison") -> dict[str, Any]:
    facts: dict[str, Any] = {
        "equal": result.equal,
        "size": max(result.sizes),
        "differences": [{"offset": part.offset, "length": part.length} for part in result.differences],
    }
    if result.sizes[0] != result.sizes[1]:
        facts["sizes"] = list(result.sizes)
    return facts


def _words(result: "Comparison") -> str:
    if result.equal:
        return f"The same: {human_bytes(result.sizes[0])}, every byte compared."
    lines = []
    if result.sizes[0] != result.sizes[1]:
        lines.append(f"Different sizes: {result.sizes[0]} and {result.sizes[1]} bytes.")
    differing = sum(part.length for part in result.differences)
    lines.append(f"Different in {len(result.differences)} ranges, {differing} bytes in all:")
    lines.extend(f"  {part}" for part in result.differences[:_SHOWN])
    if len(result.differences) > _SHOWN:
        lines.append(f"  and {len(result.differences) - _SHOWN} more; --json lists them all.")
    return "\n".join(lines)
