"""The command line. Each command is a module that is imported only when it is used.

A command is found in `drover.commands` or through the entry-point group of the same name, under its own name. Its
module has `app`, a `typer.Typer`; the first line of its docstring is its line in `./drover --help`.

Exit codes: 0 done; 2 an error, told in a plain sentence; 130 interrupted; 143 terminated; and what a command says
of its own (1 for 'different', 'altered', 'critical').
"""

import ast
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from drover import streams
from drover.errors import BadInputError, DroverError

FAILED = 2
INTERRUPTED = 130
TERMINATED = 143

_GROUP = "drover.commands"
_BUILT_IN = Path(__file__).parent / "commands"
# The bash script carries these out itself, because they must work before any Python package is there.
_SCRIPT_ONLY = {
    "setup": "Install what is missing on this machine; twice changes nothing.",
    "test": "Set up, then run all tests; arguments go to pytest.",
}


class LazyGroup(TyperGroup):
    """Lists every command from its module's docstring; imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._modules = command_modules()
        texts = {name: _summary(module) for name, module in self._modules.items()} | _SCRIPT_ONLY
        self.commands = {name: TyperCommand(name, help=text) for name, text in sorted(texts.items())}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self._modules:
            command = _load(name, self._modules[name])
        elif name in _SCRIPT_ONLY:
            raise BadInputError(
                f"'{name}' is a part of the script at the root of Drover, and this is not that script.",
                remedy=f"Run './drover {name}' there.",
            )
        return name, command, rest


_app = typer.Typer(cls=LazyGroup, add_completion=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"drover {version('drover')}")
        raise typer.Exit


@_app.callback()
def _drover(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Evacuates a datacenter in waves, and proves that the data arrived."""


def command_modules() -> dict[str, str]:
    """Name and module of each command, without importing any of them."""
    # A command that is called as a word of Python's has a module with a `_` behind it.
    built_in = {path.stem.rstrip("_"): f"{_GROUP}.{path.stem}" for path in _BUILT_IN.glob("[a-z]*.py")}
    return built_in | {point.name: point.module for point in entry_points(group=_GROUP)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; no exception leaves this function."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    streams.prepare()
    _end_tidily_on_signals()
    try:
        return _carried_out(arguments)
    finally:
        streams.finish()


def _carried_out(arguments: list[str]) -> int:
    try:
        return _run(arguments or ["--help"])
    except DroverError as error:
        return _tell(error.message, error.remedy)
    except typer.TyperException as error:
        # What Typer itself says of options and arguments.
        _tell(error.format_message().replace("Value error, ", ""), "Run it with --help to see what it takes.")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _tell("Stopped.", "", code=INTERRUPTED)
    except Exception as error:  # noqa: BLE001  the last resort: told in a sentence, kept whole in a file
        return _unexpected(error)


def _run(arguments: list[str]) -> int:
    # Not `group.main()`: that takes any broken pipe, also one to a host, for a reader that left, and exits with 1.
    group = get_command(_app)
    try:
        with group.make_context("drover", arguments) as context:
            group.invoke(context)
    except typer.Exit as end:
        return streams.flushed(end.exit_code)
    except streams.ReaderLeft:
        return streams.PIPE_CLOSED
    return streams.flushed(0)


def _load(name: str, module: str) -> Any:
    if find_spec(module) is None:
        raise BadInputError(
            f"The command '{name}' cannot be loaded: its module '{module}' is not installed.",
            remedy="Install again what brings this command along.",
        )
    command = get_command(import_module(module).app)
    command.name = name
    return command


def _summary(module: str) -> str:
    """The first line of a module's docstring, read from its file: importing it may cost seconds."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return "(not installed)"
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_bytes()))
    return text.splitlines()[0] if text else ""


def _tell(message: str, remedy: str, *, code: int = FAILED) -> int:
    """One sentence, and what to do, on stderr."""
    for line in filter(None, (message, remedy)):
        streams.told(line)
    return code


def _unexpected(error: Exception) -> int:
    from drover.crash import keep_traceback

    kept = keep_traceback(error)
    what = f"Something unexpected went wrong ({type(error).__name__}), which is a mistake in Drover."
    return _tell(what, f"The details are in {kept}; please report them." if kept else "The details could not be kept.")


def _end_tidily_on_signals() -> None:
    """Lets a terminated command clean up (its own NBD servers, its mounts) instead of dying where it stands."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # under nohup, for one, it is ignored and stays so
            signal.signal(number, stop)
