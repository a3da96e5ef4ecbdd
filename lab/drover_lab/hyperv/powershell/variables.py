"""Variables: what a script reads by a name, and what it may assign to."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from drover_lab.hyperv.powershell import literals, members
from drover_lab.hyperv.powershell.casts import cast
from drover_lab.hyperv.powershell.console import Console
from drover_lab.hyperv.powershell.convert import text
from drover_lab.hyperv.powershell.faults import fault
from drover_lab.hyperv.powershell.literals import parts, source
from drover_lab.hyperv.powershell.values import Names, Scope
from drover_lab.hyperv.soap import NotModelledError

if TYPE_CHECKING:
    from tree_sitter import Node

_CONSTANTS = {"true": True, "false": False, "null": None}
_AUTOMATIC = {
    "args", "error", "host", "home", "pid", "pshome", "psitem", "myinvocation", "psboundparameters", "pscmdlet",
    "psversiontable", "psscriptroot", "pscommandpath", "lastexitcode", "?", "^", "$", "this", "foreach", "switch",
    "stacktrace", "shellid", "pwd", "profile", "nestedpromptlevel", "executioncontext", "ofs",
}  # fmt: skip


class Variables(ABC):
    """What a script has set while it runs. :ivar scope: the variables."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.scope = Scope()
        self.functions: Names = Names()
        self.strict = False
        self.caught: list[Any] = []  # the errors of the catch blocks that run

    @abstractmethod
    def value(self, node: "Node") -> Any:
        """What an expression is."""

    def variable(self, name: str) -> Any:
        low = name.lower()
        if low in _CONSTANTS:
            return _CONSTANTS[low]
        if low.startswith("env:"):
            return self.console.environment.get(name[4:])
        if ":" in name:
            raise NotModelledError(f"the variable ${name}")
        if self.scope.find(name) is None:
            if low in _AUTOMATIC:
                raise NotModelledError(f"the variable ${name}")
            if self.strict:
                raise fault(f"The variable '${name}' cannot be retrieved because it has not been set.",
                            "VariableIsUndefined")  # fmt: skip
        return self.scope.get(name)

    def assign(self, node: "Node", value: Any) -> None:
        """:param node: what stands on the left."""
        while node.type in ("left_assignment_expression", "unary_expression"):
            (node,) = parts(node)
        if node.type == "variable":
            self._set(literals.variable(node), value)
        elif node.type == "member_access":
            target, _, name = node.children
            members.put(self.value(target), self._member(name), value)
        elif node.type == "element_access":
            target, index = parts(node)
            members.put_element(self.value(target), self.value(index), value)
        elif node.type == "expression_with_unary_operator" and node.children[0].type == "cast_expression":
            kind, target = parts(node.children[0])
            self.assign(target, cast(value, literals.type_name(kind)))
        else:
            raise NotModelledError(f"an assignment to {source(node)[:40]!r}")

    def _set(self, name: str, value: Any) -> None:
        low = name.lower()
        if low == "null":
            return
        if low in ("true", "false"):
            raise fault(f"Cannot overwrite variable {name} because it is read-only or constant.", "VariableNotWritable")
        if ":" in name or low in _AUTOMATIC or low == "_":
            raise NotModelledError(f"setting the variable ${name}")
        self.scope.variables[name] = value

    def _member(self, node: "Node") -> str:
        (name,) = parts(node)
        return source(name) if name.type == "simple_name" else text(self.value(name))
