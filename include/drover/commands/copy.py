"""Copy a disk, image file or NBD address at each side, and prove that it arrived."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drover.blocks.console import human_bytes, progress_bars
from drover.errors import BadInputError, CorruptionError
from drover.model import DiskFormat

if TYPE_CHECKING:
    from drover.blocks.ends import Address
    from drover.blocks.throttle import Throttle
    from drover.blocks.verified import VerifiedCopy

app = typer.Typer(add_completion=False)

NOT_VERIFIED = 1
# Those of a copy that others rely on; null where it ended before that was known.
_KEYS = ("size", "bytes_read", "bytes_written", "bytes_skipped", "bytes_resumed", "seconds", "digest")


@app.command()
def copy(
    source: Annotated[str, typer.Argument(help="Image file, nbd://host:port/name or nbd+unix:///name?socket=/path.")],
    target: Annotated[str, typer.Argument(help="The same. A file is made; one that is there is never overwritten.")],
    format: Annotated[DiskFormat | None, typer.Option(help="Format of the target file; else its name says it.")] = None,
    source_format: Annotated[
        str | None, typer.Option(help="Format of the source file, and that the files it names may be read.")
    ] = None,
    bandwidth: Annotated[str | None, typer.Option(help="Limit, as in '50 MiB/s' or '400 Mbit/s'.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> None:
    """Copies a disk in one pass, reads the target back, and says whether it holds the same bytes.

    Interrupted in any way, the same command resumes: what was finished is not read again. Exit code 0: copied and
    verified; 1: the target does not hold what was read; 2: an error.
    """
    from drover.blocks.ends import parse_end
    from drover.blocks.verified import NotHeldError

    throttle = _throttle(bandwidth)
    started = time.monotonic()
    try:
        done = _run(parse_end(source), source_format, parse_end(target), format, throttle)
    except CorruptionError as error:
        if json_output:
            known = error.done if isinstance(error, NotHeldError) else None
            told = _facts(known, time.monotonic() - started) if known else dict.fromkeys(_KEYS)
            typer.echo(json.dumps({**told, "verified": False, "error": error.message}))
        typer.echo(f"{error.message}\n{error.remedy}", err=True)
        raise typer.Exit(NOT_VERIFIED) from None
    facts = _facts(done, time.monotonic() - started)
    typer.echo(json.dumps(facts) if json_output else _words(facts))


def _run(
    source_end: "Path | Address",
    source_format: str | None,
    target_end: "Path | Address",
    format: DiskFormat | None,
    throttle: "Throttle",
) -> "VerifiedCopy":
    from drover.blocks.copying import copy_disk

    with progress_bars() as progress:
        return copy_disk(
            source_end,
            target_end,
            source_format=source_format,
            target_format=format,
            throttle=throttle,
            progress=progress,
        )


def _throttle(bandwidth: str | None) -> "Throttle":
    from drover.blocks.throttle import Throttle
    from drover.waves.units import parse_bandwidth

    try:
        return Throttle(parse_bandwidth(bandwidth) if bandwidth is not None else None)
    except ValueError as error:
        raise BadInputError(f"The bandwidth is wrong: {error}.", remedy="Write it as '50 MiB/s'.") from None


def _facts(done: "VerifiedCopy", seconds: float) -> dict[str, Any]:
    return {
        "size": done.copy.size,
        "bytes_read": done.copy.bytes_read,
        "bytes_written": done.copy.bytes_written,
        "bytes_skipped": done.copy.bytes_skipped,
        "bytes_resumed": done.copy.bytes_resumed,
        "seconds": round(done.copy.seconds, 3),
        "total_seconds": round(seconds, 3),
        "digest": done.copy.manifest.root,
        "verified": done.target == done.copy.manifest,
        "healed": [
            {"round": heal.round, "ranges": [{"offset": part.offset, "length": part.length} for part in heal.ranges]}
            for heal in done.healed
        ],
    }


def _words(facts: dict[str, Any]) -> str:
    lines = [
        f"Copied and verified {human_bytes(facts['size'])} in {facts['total_seconds']:.1f} s: "
        f"{human_bytes(facts['bytes_read'])} read, {human_bytes(facts['bytes_written'])} written, "
        f"{human_bytes(facts['bytes_skipped'])} of holes skipped.",
        f"Digest {facts['digest']}",
    ]
    if facts["bytes_resumed"]:
        lines.insert(1, f"{human_bytes(facts['bytes_resumed'])} were there from the copy that was interrupted.")
    if facts["healed"]:
        lines.insert(1, f"Parts of the target had arrived wrong and were copied again ({len(facts['healed'])} rounds).")
    return "\n".join(lines)
