"""Dates as .NET writes them."""

from datetime import UTC, datetime


def round_trip(value: datetime) -> str:
    """ToString('o'). A date without a zone is one of kind Unspecified."""
    written = value.strftime("%Y-%m-%dT%H:%M:%S") + f".{value.microsecond:06}0"
    if value.tzinfo is None:
        return written
    if value.tzinfo is UTC:
        return written + "Z"
    zone = value.strftime("%z")
    return f"{written}{zone[:3]}:{zone[3:]}"
