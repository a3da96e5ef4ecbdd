"""What the models of a wave file are made of: texts, connection ids, and amounts with their units."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from drover.waves import units


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def told(problem: Callable[[str], str | None]) -> AfterValidator:
    """A check that answers with what is wrong, in words."""

    def check(value: str) -> str:
        if (words := problem(value)) is not None:
            raise PydanticCustomError("told", "{words}", {"words": words})
        return value

    return AfterValidator(check)


def _amount(parse: Callable[[str], float]) -> BeforeValidator:
    def read(value: Any) -> float:
        if not isinstance(value, str):
            raise PydanticCustomError("told", "{words}", {"words": f"{value!r} has no unit: expected text, with one"})
        try:
            return parse(value)
        except ValueError as error:
            raise PydanticCustomError("told", "{words}", {"words": str(error)}) from None

    return BeforeValidator(read)


Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=200)]
Bandwidth = Annotated[
    int,
    _amount(units.parse_bandwidth),
    PlainSerializer(units.format_bandwidth),
    WithJsonSchema({"type": "string", "pattern": units.pattern(units.BANDWIDTH_UNITS), "examples": ["400 Mbit/s"]}),
]
Duration = Annotated[
    float,
    _amount(units.parse_duration),
    PlainSerializer(units.format_duration),
    WithJsonSchema({"type": "string", "pattern": units.pattern(units.DURATION_UNITS), "examples": ["60 s", "2 min"]}),
]
Period = Annotated[
    float,
    _amount(units.parse_period),
    PlainSerializer(units.format_duration),
    WithJsonSchema({"type": "string", "pattern": units.pattern(units.PERIOD_UNITS), "examples": ["30 days"]}),
]
Percent = Annotated[
    float,
    _amount(units.parse_percent),
    PlainSerializer(units.format_percent),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?%$", "examples": ["25 %"]}),
]
