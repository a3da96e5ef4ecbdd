"""The part of a wave file about performance before and after the move."""

from typing import Annotated

from pydantic import Field

from drover.waves.parts import Duration, Part, Percent


class PerformancePlan(Part):
    """Measured for the same time before the move and after it."""

    baseline: Annotated[Duration, Field(ge=1)] = Field(
        default=300.0,
        description="How long a machine is measured, before the move and again after it.",
        json_schema_extra={"default": "300 s"},
    )
    tolerance: Percent = Field(
        default=25.0,
        description="How much worse each figure may be afterwards.",
        json_schema_extra={"default": "25 %"},
    )
