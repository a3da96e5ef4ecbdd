"""One call of a cmdlet, as what runs it sees it: what was given, what was piped, what it writes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.powershell.table import Cmdlet
from drover_lab.hyperv.powershell.values import Names, Nothing, Wrapped, items
from drover_lab.hyperv.soap import NotModelledError

if TYPE_CHECKING:
    from drover_lab.hyperv.powershell.commands import Commands


@dataclass(slots=True)
class Invocation:
    """One call of a cmdlet.

    :param given: parameter -> value. :param piped: what arrived by the pipeline; None: it stands first.
    """

    shell: "Commands"
    cmdlet: Cmdlet
    given: Names
    shared: Names
    piped: list[Any] | None
    out: list[Any]

    def get(self, name: str, default: Any = None) -> Any:
        return self.given.get(name, default)

    def only(self, *modelled: str) -> None:
        """:raises NotModelledError: another parameter was given."""
        for name in self.given:
            if name not in modelled:
                raise NotModelledError(f"{self.cmdlet.name} -{name}")

    def write(self, value: Any) -> None:
        emit(value, self.out)

    def fail(self, error: CmdletFault) -> None:
        """Says what could not be done; goes on where the script wants that."""
        self.shell.report(self.cmdlet, self.shared, error)


Run = Callable[[Invocation], None]


def emit(value: Any, out: list[Any]) -> None:
    for item in items(value):
        out.append(Wrapped(item) if isinstance(item, list) and not isinstance(item, Wrapped) else item)


def inputs(invocation: Invocation, name: str) -> list[Any]:
    """What came by the pipeline, or by the parameter that stands for it."""
    if invocation.piped is not None:
        return invocation.piped
    value = invocation.get(name)
    return [] if isinstance(value, Nothing) else list(items(value))
