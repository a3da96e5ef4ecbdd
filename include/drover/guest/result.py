"""How one application check went."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """:param name: what was asked, `http http://10.0.0.5:8080/health`. :param detail: what came back, one sentence.

    :param attempts: how often it was asked. :param seconds: from the first attempt to the last answer.
    """

    name: str
    passed: bool
    detail: str
    attempts: int
    seconds: float
