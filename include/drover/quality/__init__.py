"""Great Expectations suites, one a file, each with `validate(...) -> Verdict`."""

from drover.quality.verdict import Verdict

__all__ = ["Verdict"]
