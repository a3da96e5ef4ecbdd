"""Expressions: a node of the tree into a value."""

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drover_lab.hyperv.powershell import literals, members, methods, statics
from drover_lab.hyperv.powershell.console import Writer
from drover_lab.hyperv.powershell.convert import text
from drover_lab.hyperv.powershell.faults import Cancelled, fault
from drover_lab.hyperv.powershell.literals import parts, source
from drover_lab.hyperv.powershell.operations import Operations
from drover_lab.hyperv.powershell.values import (
    Hashtable,
    Parameter,
    ScriptBlock,
    TypeName,
    collected,
    plain,
)
from drover_lab.hyperv.soap import NotModelledError

if TYPE_CHECKING:
    from tree_sitter import Node


class Expressions(Operations):
    """What every kind of expression is."""

    @abstractmethod
    def execute(self, node: "Node", out: list[Any]) -> None:
        """Runs a statement; what it writes goes to `out`."""

    def alive(self) -> None:
        if self.console.cancelled():
            raise Cancelled

    def output(self, node: "Node") -> list[Any]:
        out: list[Any] = []
        self.execute(node, out)
        return out

    def assigned(self, node: "Node") -> Any:
        """What an assignment keeps of a statement: a lone expression as it is, otherwise what is written."""
        lone = _lone(node)
        return self.value(lone) if lone is not None else collected(self.output(node))

    def value(self, node: "Node") -> Any:
        kind = node.type.replace("_argument_expression", "_expression")
        if kind in _THROUGH and len(parts(node)) == 1 and len(node.children) == 1:
            return self.value(node.children[0])
        known = _EXPRESSIONS.get(kind)
        if known is None:
            raise NotModelledError(f"{node.type}: {source(node)[:60]!r}")
        return known(self, node)

    def _assignment(self, node: "Node") -> Any:
        left, operator = parts(node)[:2]
        right = node.child_by_field_name("value")
        assert right is not None
        value = self.assigned(right) if right.type != "assignment_expression" else self.value(right)
        sign = source(operator)
        if sign != "=":
            before = self.value(parts(left)[0])
            value = self._arithmetic(sign[:-1], before, value)
        self.assign(left, value)
        return value

    # --- Literals ---

    def _string(self, node: "Node") -> Any:
        (literal,) = parts(node)
        if literal.type == "verbatim_string_characters":
            return literals.verbatim(source(literal))
        return literals.expand(literal, self._part)

    def _part(self, node: "Node") -> str:
        if node.type == "sub_expression":
            return text(self._sub(node))
        if node.type == "variable":
            return text(self.value(node))
        raise NotModelledError(f"{node.type} in a string")

    def _hashtable(self, node: "Node") -> Any:
        made = Hashtable()
        for body in parts(node):
            for entry in parts(body):
                key_node, value_node = parts(entry)
                key = self._key(key_node)
                if key in made:
                    said = f"Duplicate keys '{key}' are not allowed in hash literals."
                    raise fault(said, "DuplicateKeyInHashLiteral", "ParserError")
                made[key] = plain(self.assigned(value_node))
        return made

    def _key(self, node: "Node") -> Any:
        (key,) = parts(node)
        found = source(key) if key.type == "simple_name" else plain(self.value(key))
        if found is None:
            raise fault("A null key is not allowed in a hash literal.", "InvalidNullKey")
        return found

    def block(self, node: "Node") -> ScriptBlock:
        """A script block, or a program, without running it."""
        parameters: tuple[Parameter, ...] = ()
        body = None
        for part in node.named_children:
            if part.type == "param_block":
                parameters = self._parameters(part)
            elif part.type == "script_block":
                inner = self.block(part)
                body, parameters = inner.body, parameters or inner.parameters
            elif part.type in ("script_block_body", "statement_list"):
                body = part
            elif part.type != "comment":
                raise NotModelledError(f"{part.type} in a script block")
        if body is not None and body.type == "script_block_body":
            (body,) = parts(body)
        if body is not None and body.type != "statement_list":
            raise NotModelledError(f"{body.type} in a script block")
        return ScriptBlock(body, parameters, source(node).removeprefix("{").removesuffix("}"))

    def _parameters(self, node: "Node") -> tuple[Parameter, ...]:
        return tuple(_parameter(one) for lists in parts(node) if lists.type == "parameter_list"
                     for one in parts(lists))  # fmt: skip

    # --- Members ---

    def _access(self, node: "Node") -> Any:
        target, sign, name = node.children
        of, what = self.value(target), self._member(name)
        if source(sign) == "::":
            return self._static_property(of, what)
        return members.get(of, what, strict=self.strict)

    def _static_property(self, of: Any, name: str) -> Any:
        if not isinstance(of, TypeName):
            raise NotModelledError(f":: of a value, {name}")
        if of.name == "console":
            return self.console.stream(name)
        return statics.static_property(of, name)

    def _element(self, node: "Node") -> Any:
        target, index = parts(node)
        return members.element(self.value(target), self.value(index), strict=self.strict)

    def _call(self, node: "Node") -> Any:
        if len(node.children) != 4:
            raise NotModelledError(f"the call {source(node)[:40]!r}")
        target, sign, name, given = node.children
        of, what = self.value(target), self._member(name)
        arguments = [plain(self.value(one)) for lists in parts(given) for one in parts(lists)]
        if source(sign) != "::":
            return self._method(of, what, arguments)
        if not isinstance(of, TypeName):
            raise NotModelledError(f":: of a value, {what}")
        if (of.name, what.lower()) == ("scriptblock", "create"):
            return self.compiled(text(*arguments))
        return statics.static(of, what, arguments)

    def _method(self, of: Any, name: str, arguments: list[Any]) -> Any:
        if isinstance(of, Writer):
            return of.call(name, arguments)
        return methods.call(of, name, arguments)

    def compiled(self, script: str) -> ScriptBlock:
        """[ScriptBlock]::Create. :raises ScriptFault: it is no PowerShell."""
        from drover_lab.hyperv.powershell.syntax import SyntaxMistakeError, parse

        try:
            return self.block(parse(script))
        except SyntaxMistakeError as error:
            raise fault(f"At {error.mistakes[0]}", "ParseException", "NotSpecified",
                        "System.Management.Automation.ParseException") from error  # fmt: skip

    def _sub(self, node: "Node") -> Any:
        return collected(self._listed(node))

    def _listed(self, node: "Node") -> list[Any]:
        out: list[Any] = []
        for statements in parts(node):
            self.execute(statements, out)
        return out

    def _grouped(self, node: "Node") -> Any:
        (inner,) = parts(node)
        first = parts(inner)
        if len(first) == 1 and first[0].type == "assignment_expression":
            return self.value(first[0])
        return self.assigned(inner)

    def _array(self, node: "Node") -> Any:
        statements = parts(node)
        lone = _lone(parts(statements[0])[0]) if statements and len(parts(statements[0])) == 1 else None
        if lone is not None and lone.type == "array_literal_expression":
            return self.value(lone)  # @(1, 2) is 1, 2
        return self._listed(node)


def _parameter(node: "Node") -> Parameter:
    types, default, name = [], None, ""
    for part in parts(node):
        if part.type == "variable":
            name = literals.variable(part)
        elif part.type == "script_parameter_default":
            (default,) = parts(part)
            if default.type == "array_literal_expression":
                # The grammar takes the next parameter for a part of the default.
                raise NotModelledError("a parameter with a default that is not the last one")
        else:
            for attribute in parts(part):
                (first, *_) = parts(attribute)
                if first.type != "type_literal":
                    raise NotModelledError(f"the attribute {source(attribute)[:40]}")
                types.append(literals.type_name(first))
    return Parameter(name, tuple(types), default)


def _lone(node: "Node") -> "Node | None":
    """The expression, where a statement is one and nothing else."""
    while node.type in ("pipeline", "assignment_value", "pipeline_chain"):
        inner = parts(node)
        if len(inner) != 1 or inner[0].type in ("command", "assignment_expression"):
            return None
        node = inner[0]
    return node if node.type in _VALUES else None


_THROUGH = {
    "unary_expression", "argument_expression", "array_literal_expression", "comparison_expression",
    "logical_expression", "additive_expression", "multiplicative_expression", "pipeline_chain", "pipeline",
    "integer_literal",
}  # fmt: skip
_EXPRESSIONS: "dict[str, Callable[[Any, Node], Any]]" = {
    "variable": lambda self, node: self.variable(literals.variable(node)),
    "decimal_integer_literal": lambda _, node: literals.integer(source(node)),
    "hexadecimal_integer_literal": lambda _, node: literals.integer(source(node)),
    "real_literal": lambda _, node: literals.real(source(node)),
    "string_literal": Expressions._string,
    "array_literal_expression": lambda self, node: [plain(self.value(part)) for part in parts(node)],
    "hash_literal_expression": Expressions._hashtable,
    "script_block_expression": Expressions.block,
    "array_expression": Expressions._array,
    "sub_expression": Expressions._sub,
    "parenthesized_expression": Expressions._grouped,
    "type_literal": lambda _, node: literals.type_name(node),
    "member_access": Expressions._access,
    "element_access": Expressions._element,
    "invocation_expression": Expressions._call,
    "expression_with_unary_operator": Expressions._unary,
    "post_increment_expression": Expressions._after,
    "post_decrement_expression": Expressions._after,
    "comparison_expression": Expressions._compare,
    "logical_expression": Expressions._logical,
    "additive_expression": Expressions._calculated,
    "multiplicative_expression": Expressions._calculated,
    "bitwise_expression": Expressions._bits,
    "format_expression": Expressions._format,
    "range_expression": Expressions._range,
    "assignment_expression": Expressions._assignment,
}
_VALUES = {*_EXPRESSIONS, *_THROUGH} - {"assignment_expression"}
