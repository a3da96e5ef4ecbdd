"""Statements: what decides, repeats, catches and leaves."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drover_lab.hyperv.powershell import literals
from drover_lab.hyperv.powershell.commands import Commands
from drover_lab.hyperv.powershell.convert import number, truth
from drover_lab.hyperv.powershell.faults import (
    BreakOut,
    ContinueOut,
    ExitOut,
    ReturnOut,
    ScriptFault,
    exception_name,
    fault,
)
from drover_lab.hyperv.powershell.invocation import emit
from drover_lab.hyperv.powershell.literals import parts, source
from drover_lab.hyperv.powershell.methods import as_fault
from drover_lab.hyperv.powershell.operators import same
from drover_lab.hyperv.powershell.values import ScriptBlock, items
from drover_lab.hyperv.soap import NotModelledError

if TYPE_CHECKING:
    from tree_sitter import Node

_WAYS_OUT = (BreakOut, ContinueOut, ReturnOut, ExitOut)


class Interpreter(Commands):
    """Runs scripts. One for each command that a shell runs."""

    def execute(self, node: "Node", out: list[Any]) -> None:
        self.alive()
        known = _STATEMENTS.get(node.type)
        if known is None:
            raise NotModelledError(f"{node.type}: {source(node)[:60]!r}")
        known(self, node, out)

    def _list(self, node: "Node", out: list[Any]) -> None:
        for part in parts(node):
            self.execute(part, out)

    def _pipeline(self, node: "Node", out: list[Any]) -> None:
        for part in parts(node):
            if part.type == "assignment_expression":
                self.value(part)
            elif part.type == "pipeline_chain":
                self.chain(part, out)
            else:
                raise NotModelledError(f"{part.type}: {source(part)[:60]!r}")

    def _block_of(self, node: "Node", out: list[Any]) -> None:
        for part in parts(node):
            if part.type == "statement_block":
                self._list(part, out)

    def _condition(self, node: "Node") -> bool:
        condition = node.child_by_field_name("condition")
        assert condition is not None
        if condition.type == "while_condition":
            (condition,) = parts(condition)
        return truth(self.assigned(condition))

    def _if(self, node: "Node", out: list[Any]) -> None:
        if self._condition(node):
            self._block_of(node, out)
            return
        elseifs, otherwise = node.child_by_field_name("elseif_clauses"), node.child_by_field_name("else_clause")
        for clause in parts(elseifs) if elseifs else []:
            if self._condition(clause):
                self._block_of(clause, out)
                return
        if otherwise:
            self._block_of(otherwise, out)

    # --- Loops ---

    def _round(self, node: "Node", out: list[Any]) -> bool:
        """One time through a loop. :returns: whether it goes on."""
        self.alive()
        try:
            self._block_of(node, out)
        except BreakOut:
            return False
        except ContinueOut:
            pass
        return True

    def _foreach(self, node: "Node", out: list[Any]) -> None:
        variable, listed = parts(node)[:2]
        value = self.assigned(listed)
        # Over $null it goes no time, unlike a pipeline.
        for item in [] if value is None else list(items(value)):
            self.assign(variable, item)
            if not self._round(node, out):
                return

    def _while(self, node: "Node", out: list[Any]) -> None:
        while self._condition(node):
            if not self._round(node, out):
                return

    def _do(self, node: "Node", out: list[Any]) -> None:
        until = any(source(child).lower() == "until" for child in node.children if not child.is_named)
        while True:
            if not self._round(node, out) or self._condition(node) == until:
                return

    def _for(self, node: "Node", out: list[Any]) -> None:
        begin, test, step = (
            node.child_by_field_name(f"for_{name}") for name in ("initializer", "condition", "iterator")
        )
        if begin is None or test is None or step is None:
            raise NotModelledError("a for loop without all three parts")
        self._list(begin, [])
        while truth(self.assigned(parts(test)[0])):
            if not self._round(node, out):
                return
            self._list(step, [])

    def _switch(self, node: "Node", out: list[Any]) -> None:
        found = {part.type: part for part in parts(node)}
        if "switch_parameters" in found:
            raise NotModelledError("switch with parameters")
        (subject,) = parts(found["switch_condition"])
        clauses = [clause for group in parts(found["switch_body"]) for clause in parts(group)]
        value = self.assigned(subject)
        for item in list(items(value)):
            try:
                self._cases(item, clauses, out)
            except BreakOut:
                return
            except ContinueOut:
                continue

    def _cases(self, item: Any, clauses: "list[Node]", out: list[Any]) -> None:
        hit = False
        for clause in clauses:
            condition, block = parts(clause)
            default = not parts(condition) and source(condition).lower() == "default"
            if not hit if default else self._fits(condition, item):
                hit = True
                self.each(ScriptBlock(block, (), ""), item, out)

    def _fits(self, condition: "Node", item: Any) -> bool:
        inner = parts(condition)
        if not inner:
            return same(item, source(condition))
        wanted = self.value(inner[0])
        if isinstance(wanted, ScriptBlock):
            return truth(self.outcome(wanted, item))
        return same(item, wanted)

    # --- Errors and ways out ---

    def _try(self, node: "Node", out: list[Any]) -> None:
        clauses = [clause for group in parts(node) if group.type == "catch_clauses" for clause in parts(group)]
        last = [part for part in parts(node) if part.type == "finally_clause"]
        try:
            try:
                self._block_of(node, out)
            except ScriptFault as error:
                self._caught(error, clauses, out)
        except (ScriptFault, *_WAYS_OUT):
            for part in last:
                self._block_of(part, out)
            raise
        for part in last:
            self._block_of(part, out)

    def _caught(self, error: ScriptFault, clauses: "list[Node]", out: list[Any]) -> None:
        for clause in clauses:
            kinds = [kind for part in parts(clause) if part.type == "catch_type_list" for kind in parts(part)]
            names = [exception_name(literals.type_name(kind).name) for kind in kinds]
            if names and not any(error.record.exception.is_a(name) for name in names):
                continue
            self.caught.append(error)
            try:
                for part in parts(clause):
                    if part.type == "statement_block":
                        self._catch_block(part, error, out)
            finally:
                self.caught.pop()
            return
        raise error

    def _catch_block(self, node: "Node", error: ScriptFault, out: list[Any]) -> None:
        had, before = "_" in self.scope.variables, self.scope.variables.get("_")
        self.scope.variables["_"] = error.record
        try:
            self._list(node, out)
        finally:
            if had:
                self.scope.variables["_"] = before
            else:
                del self.scope.variables["_"]

    def _leave(self, node: "Node", out: list[Any]) -> None:
        word, given = source(node.children[0]).lower(), parts(node)
        if word == "throw":
            self._throw(given)
        if word in ("break", "continue"):
            raise BreakOut if word == "break" else ContinueOut
        if word == "exit":
            raise ExitOut(int(number(self.assigned(given[0]))) if given else 0)
        if word != "return":
            raise NotModelledError(word)
        if given:
            self.execute(given[0], out)
        raise ReturnOut

    def _throw(self, given: "list[Node]") -> None:
        if not given:
            if self.caught:
                raise self.caught[-1]
            raise fault("ScriptHalted", "ScriptHalted", "OperationStopped")
        raise as_fault(self.assigned(given[0]))

    def _function(self, node: "Node", out: list[Any]) -> None:
        del out
        name = next(part for part in parts(node) if part.type == "function_name")
        bodies = [part for part in parts(node) if part.type in ("script_block", "param_block")]
        block = self.block(bodies[-1]) if bodies else ScriptBlock(None, (), "")
        for part in parts(node):
            if part.type in ("function_parameter_declaration", "param_block"):
                block = ScriptBlock(block.body, self._parameters(part), block.text)
        self.functions[source(name)] = block


_STATEMENTS: "dict[str, Callable[[Any, Node, list[Any]], None]]" = {
    "statement_list": Interpreter._list,
    "statement_block": Interpreter._list,
    "pipeline": Interpreter._pipeline,
    "pipeline_chain": Commands.chain,
    "assignment_value": lambda self, node, out: self._list(node, out),
    "assignment_expression": lambda self, node, out: emit(self.value(node), out),
    "empty_statement": lambda *_: None,
    "if_statement": Interpreter._if,
    "foreach_statement": Interpreter._foreach,
    "while_statement": Interpreter._while,
    "do_statement": Interpreter._do,
    "for_statement": Interpreter._for,
    "switch_statement": Interpreter._switch,
    "try_statement": Interpreter._try,
    "flow_control_statement": Interpreter._leave,
    "function_statement": Interpreter._function,
}
