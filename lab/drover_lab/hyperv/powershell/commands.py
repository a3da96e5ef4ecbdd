"""Commands: cmdlets, functions and script blocks, alone and in pipelines."""

import contextlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drover_lab.hyperv.powershell.binding import Argument, bind
from drover_lab.hyperv.powershell.casts import cast
from drover_lab.hyperv.powershell.convert import text
from drover_lab.hyperv.powershell.expressions import Expressions
from drover_lab.hyperv.powershell.faults import CmdletFault, ErrorRecord, NetException, ReturnOut, ScriptFault, fault
from drover_lab.hyperv.powershell.invocation import Invocation, Run, emit
from drover_lab.hyperv.powershell.literals import parts, source
from drover_lab.hyperv.powershell.table import Cmdlet, cmdlets
from drover_lab.hyperv.powershell.values import (
    NOTHING,
    Hashtable,
    Names,
    Parameter,
    Scope,
    ScriptBlock,
    plain,
)
from drover_lab.hyperv.soap import NotModelledError

if TYPE_CHECKING:
    from tree_sitter import Node


# Cmdlets whose jobs are modelled.
_JOBS = {"Move-VM"}


class Commands(Expressions):
    """:ivar known: name -> what runs a cmdlet."""

    known: Mapping[str, Run] = {}

    # --- Pipelines ---

    def chain(self, node: "Node", out: list[Any]) -> None:
        stages = parts(node)
        piped: list[Any] | None = None
        for place, stage in enumerate(stages):
            self.alive()
            target = out if place == len(stages) - 1 else []
            if stage.type == "command":
                self.command(stage, piped, target)
            elif place:
                raise NotModelledError(f"{stage.type} behind the first part of a pipeline")
            else:
                self._first(stage, target)
            piped = target

    def _first(self, node: "Node", out: list[Any]) -> None:
        value = self.value(node)
        inner = node
        while inner.type == "unary_expression" and len(parts(inner)) == 1:
            (inner,) = parts(inner)
        steps = inner.type.startswith("post_") or (
            inner.type == "expression_with_unary_operator" and inner.children[0].type.startswith("pre_")
        )
        if not steps:
            emit(value, out)

    # --- One command ---

    def command(self, node: "Node", piped: list[Any] | None, out: list[Any]) -> None:
        name_node = node.child_by_field_name("command_name")
        assert name_node is not None
        arguments = [one for listed in parts(node) if listed.type == "command_elements"
                     for one in self._arguments(listed)]  # fmt: skip
        operator = node.children[0] if node.children[0].type == "command_invocation_operator" else None
        if operator is not None:
            self._invoked(source(operator), name_node, arguments, piped, out)
            return
        name = source(name_node)
        span = re.fullmatch(r"(\d+)\.\.(\d+)", name)
        if span and not arguments:  # the grammar takes a range for a command
            first, last = int(span[1]), int(span[2])
            emit(list(range(first, last + 1) if first <= last else range(first, last - 1, -1)), out)
            return
        self.named(name, arguments, piped, out)

    def named(self, name: str, arguments: list[Argument], piped: list[Any] | None, out: list[Any]) -> None:
        if name in self.functions:
            self._block(self.functions[name], arguments, piped, out)
            return
        cmdlet: Cmdlet | None = cmdlets().get(name)
        if cmdlet is None:
            if "-" not in name:
                raise NotModelledError(f"the command {name}: an alias or a program")
            raise fault(
                f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable "
                "program. Check the spelling of the name, or if a path was included, verify that the path is correct "
                "and try again.",
                "CommandNotFoundException",
                "ObjectNotFound",
                "System.Management.Automation.CommandNotFoundException",
            )
        self._cmdlet(cmdlet, arguments, piped, out)

    def _cmdlet(self, cmdlet: Cmdlet, arguments: list[Argument], piped: list[Any] | None, out: list[Any]) -> None:
        if piped is not None and not any(facts.pipeline for facts in cmdlet.parameters):
            raise NotModelledError(f"{cmdlet.name} behind a |")
        shared = Names()
        try:
            given, shared = bind(cmdlet, arguments, piped is not None)
            if given.get("WhatIf") or (given.get("AsJob") and cmdlet.name not in _JOBS):
                raise NotModelledError(f"{cmdlet.name} -WhatIf or -AsJob")
            if cmdlet.name not in self.known:
                raise NotModelledError(f"the cmdlet {cmdlet.name}")
            self.known[cmdlet.name](Invocation(self, cmdlet, given, shared, piped, out))
        except CmdletFault as error:
            self.report(cmdlet, shared, error)

    def report(self, cmdlet: Cmdlet, shared: Names, error: CmdletFault) -> None:
        record = ErrorRecord(
            NetException(error.exception, error.message),
            error.category,
            f"{error.id},{cmdlet.type}",
            cmdlet.name,
            error.target,
        )
        wish = shared.get("ErrorAction", self.scope.get("ErrorActionPreference"))
        action = text(wish).lower() or "continue"
        if error.ends or action == "stop":
            raise ScriptFault(record)
        if action not in ("silentlycontinue", "ignore"):
            raise NotModelledError(f"-ErrorAction {action}, with the error: {error.message}")

    def _arguments(self, node: "Node") -> list[Argument]:
        found: list[Argument] = []
        name: str | None = None
        for part in parts(node):
            if part.type == "command_argument_sep":
                continue
            if part.type == "command_parameter":
                if name is not None:
                    found.append(Argument(name, bare=True))
                name = source(part)[1:].removesuffix(":")
            elif source(part).startswith("@") and part.type == "unary_expression" and parts(part)[0].type == "variable":
                if name is not None:
                    found.append(Argument(name, bare=True))
                    name = None
                found.extend(self._splatted(parts(part)[0]))
            else:
                found.extend(self._paired(name, part))
                name = None
        if name is not None:
            found.append(Argument(name, bare=True))
        return found

    def _paired(self, name: str | None, node: "Node") -> list[Argument]:
        value = plain(self._argument(node))
        if name is None:
            return [Argument(None, value)]
        # A switch takes no value but behind a colon: what follows it is an argument of its own.
        before = node.prev_sibling
        colon = before is not None and source(before) == ":"
        if not colon and self._is_switch(node, name):
            return [Argument(name, bare=True), Argument(None, value)]
        return [Argument(name, value)]

    def _is_switch(self, node: "Node", name: str) -> bool:
        command = node.parent.parent if node.parent else None
        name_node = command.child_by_field_name("command_name") if command else None
        cmdlet: Cmdlet | None = cmdlets().get(source(name_node)) if name_node else None
        facts = cmdlet.by_name.get(name) if cmdlet else None
        return facts is not None and facts.type == "SwitchParameter"

    def _argument(self, node: "Node") -> Any:
        if node.type == "generic_token":
            written = source(node)
            if re.search(r"[$`\"'{}()*?]", written):
                raise NotModelledError(f"the argument {written!r} without quotes")
            return written
        if node.type == "bareword_argument_list":
            return [plain(self._argument(part)) for part in parts(node)]
        return self.value(node)

    def _splatted(self, node: "Node") -> list[Argument]:
        values = plain(self.variable(source(node)[1:]))
        if not isinstance(values, Hashtable):
            raise NotModelledError("splatting something that is no hashtable")
        return [Argument(name, value) for name, value in values.items()]

    # --- Script blocks ---

    def _invoked(
        self, operator: str, node: "Node", arguments: list[Argument], piped: list[Any] | None, out: list[Any]
    ) -> None:
        if operator != "&":
            raise NotModelledError("dot-sourcing")
        (inner,) = parts(node)
        value = plain(self.value(parts(inner)[0] if inner.type == "path_command_name" else inner))
        if not isinstance(value, ScriptBlock):
            raise NotModelledError("& of something that is no script block")
        self._block(value, arguments, piped, out)

    def _block(self, block: ScriptBlock, arguments: list[Argument], piped: list[Any] | None, out: list[Any]) -> None:
        if piped is not None:
            raise NotModelledError("a script block or function behind a |")
        scope = Scope(self.scope)
        depth, above = 0, self.scope
        while above.outer is not None:
            depth, above = depth + 1, above.outer
        if depth > 50:
            raise NotModelledError("calls that are nested deeper than 50")
        before, self.scope = self.scope, scope
        try:
            self._parameters_of(block, arguments)
            self.body(block, out)
        finally:
            self.scope = before

    def body(self, block: ScriptBlock, out: list[Any]) -> None:
        """Runs the statements in the scope that is there."""
        if block.body is None:
            return
        with contextlib.suppress(ReturnOut):
            self.execute(block.body, out)

    def _parameters_of(self, block: ScriptBlock, arguments: list[Argument]) -> None:
        left = list(block.parameters)
        values = Names()
        positional = []
        for argument in arguments:
            if argument.name is None:
                positional.append(argument.value)
                continue
            found = next((one for one in left if one.name.lower() == (argument.name or "").lower()), None)
            if found is None:
                raise fault(f"A parameter cannot be found that matches parameter name '{argument.name}'.",
                            "NamedParameterNotFound", "InvalidArgument")  # fmt: skip
            left.remove(found)
            values[found.name] = self._typed(found, argument.value)
        for parameter in block.parameters:
            if parameter.name not in values and positional:
                values[parameter.name] = self._typed(parameter, positional.pop(0))
        self.scope.variables["args"] = positional
        for parameter in block.parameters:
            if parameter.name in values:
                self.scope.variables[parameter.name] = values[parameter.name]
            else:
                default = plain(self.value(parameter.default)) if parameter.default is not None else None
                self.scope.variables[parameter.name] = self._default(parameter, default)

    def _typed(self, parameter: Parameter, value: Any) -> Any:
        for kind in reversed(parameter.types):
            value = cast(value, kind)
        return value

    def _default(self, parameter: Parameter, value: Any) -> Any:
        if value is None and any(
            kind.name not in ("string", "switch", "bool", "int", "long") for kind in parameter.types
        ):
            return None
        return self._typed(parameter, value)

    def each(self, block: ScriptBlock, item: Any, out: list[Any]) -> None:
        """Runs a block with `$_`, in the scope of who calls: what it sets stays."""
        self.alive()
        had, before = "_" in self.scope.variables, self.scope.variables.get("_")
        self.scope.variables["_"] = item
        try:
            self.body(block, out)
        finally:
            if had:
                self.scope.variables["_"] = before
            else:
                del self.scope.variables["_"]

    def outcome(self, block: ScriptBlock, item: Any) -> Any:
        """What a block answers for one item."""
        out: list[Any] = []
        self.each(block, item, out)
        return out[0] if len(out) == 1 else (out or NOTHING)
