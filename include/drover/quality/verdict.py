"""What one suite found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one suite, as the evidence keeps it.

    :param failures: plain sentences, each with what broke, where (disk, byte range, file), and what to do.
    :param checks: how many expectations were evaluated.
    :param result_path: Great Expectations' own result of this run, a JSON file.
    :param docs: the index page of the Data Docs that show it.
    """

    suite: str
    passed: bool
    failures: tuple[str, ...]
    checks: int
    result_path: str
    docs: str
