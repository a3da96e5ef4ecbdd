"""Operations: the operators of an expression, applied to the values on their sides."""

from typing import TYPE_CHECKING, Any

from drover_lab.hyperv.powershell import literals, operators
from drover_lab.hyperv.powershell.casts import cast
from drover_lab.hyperv.powershell.convert import number, truth
from drover_lab.hyperv.powershell.literals import parts, source
from drover_lab.hyperv.powershell.values import Hashtable, plain
from drover_lab.hyperv.powershell.variables import Variables
from drover_lab.hyperv.soap import NotModelledError

if TYPE_CHECKING:
    from tree_sitter import Node


class Operations(Variables):
    """The operators, on what their sides are."""

    def _unary(self, node: "Node") -> Any:
        first = node.children[0]
        if first.type == "cast_expression":
            kind, inner = parts(first)
            if literals.type_name(kind).name == "scriptblock":
                raise NotModelledError("a cast to a script block")
            return cast(self.value(inner), literals.type_name(kind))
        if first.type in ("pre_increment_expression", "pre_decrement_expression"):
            self._step(parts(first)[0], 1 if "increment" in first.type else -1)
            return self.value(parts(first)[0])
        sign, value = source(first).lower(), self.value(node.children[1])
        if sign in ("-not", "!"):
            return not truth(value)
        if sign == "-":
            return -number(value)
        if sign == ",":
            return [plain(value)]
        if sign == "-join":
            return operators.compare("-join", value, "", self._matched)
        raise NotModelledError(f"the operator {sign}")

    def _matched(self, found: dict[int, str]) -> None:
        table = Hashtable()
        for place, piece in found.items():
            table[place] = piece  # type: ignore[index]
        self.scope.variables["Matches"] = table

    def _step(self, node: "Node", by: int) -> None:
        self.assign(node, number(self.value(node)) + by)

    def _after(self, node: "Node") -> Any:
        (target,) = parts(node)
        before = self.value(target)
        self._step(target, 1 if node.type == "post_increment_expression" else -1)
        return before

    def _compare(self, node: "Node") -> Any:
        left, operator, right = parts(node)
        return operators.compare(source(operator).lower(), self.value(left), self.value(right), self._matched)

    def _logical(self, node: "Node") -> Any:
        left, sign, right = node.children
        one = truth(self.value(left))
        name = source(sign).lower()
        if name == "-and":
            return one and truth(self.value(right))
        if name == "-or":
            return one or truth(self.value(right))
        return one != truth(self.value(right))

    def _calculated(self, node: "Node") -> Any:
        left, sign, right = node.children
        return self._arithmetic(source(sign), self.value(left), self.value(right))

    def _arithmetic(self, sign: str, left: Any, right: Any) -> Any:
        return operators.add(left, right) if sign == "+" else operators.arithmetic(sign, left, right)

    def _bits(self, node: "Node") -> Any:
        left, sign, right = node.children
        return operators.bits(source(sign).lower(), self.value(left), self.value(right))

    def _format(self, node: "Node") -> Any:
        left, right = self.value(node.children[0]), self.value(node.children[-1])
        return operators.formatted(left, right)

    def _range(self, node: "Node") -> Any:
        first, last = (int(number(self.value(part))) for part in parts(node))
        return list(range(first, last + 1) if first <= last else range(first, last - 1, -1))
