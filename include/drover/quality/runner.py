"""Runs one suite as a Great Expectations checkpoint in a folder of its own, and puts its findings in plain words.

Layout:
    <folder>/<suite>.json                            the verdict
    <folder>/gx/uncommitted/validations/             Great Expectations' own results, one for each run and table
    <folder>/gx/uncommitted/data_docs/local_site/    the Data Docs
"""

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drover.evidence.files import locked, write_durably
from drover.quality.context import mend, open_context, slim
from drover.quality.verdict import Verdict

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Check", "Table", "Verdict", "run"]

# One process has one current context in Great Expectations; two threads would validate in each other's.
_ONE_CONTEXT = threading.Lock()
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation and what a person should read when it fails.

    :param type: Great Expectations' class name, `ExpectColumnValuesToNotBeNull`.
    :param says: the rule in plain words; also shown in the Data Docs.
    :param explain: called when it failed: sentences with what, where, and what to do; empty where another check of the
        suite says it. None: `says` and what was found must do.
    """

    type: str
    says: str
    options: dict[str, Any]
    explain: Callable[[], Iterable[str]] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """What is checked. :param name: stable, it names the checkpoint."""

    name: str
    frame: "DataFrame"
    checks: Sequence[Check]


@dataclass(frozen=True, slots=True)
class _Outcome:
    passed: bool
    failures: tuple[str, ...]
    plain: tuple[str, ...]
    checks: int
    files: tuple[str, ...]


def run(suite: str, tables: Sequence[Table], folder: Path) -> Verdict:
    """Runs every table's checks; a verdict that passed means that each was evaluated and met.

    Running it again in the same folder keeps the earlier results and adds its own.
    """
    from drover.quality.pages import build

    folder.mkdir(parents=True, exist_ok=True)
    with _ONE_CONTEXT, locked(folder / ".lock"):
        root = folder / "gx"
        mend(root)
        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        context = open_context(root)
        results = [_checkpoint(context, table) for table in tables]
        build(context, root, results)
        slim(root)
    outcomes = [_read(table, result, root) for table, result in zip(tables, results, strict=True)]
    said = [words for outcome in outcomes for words in outcome.failures]
    plain = [words for outcome in outcomes for words in outcome.plain]
    docs = root / "uncommitted" / "data_docs" / "local_site" / "index.html"
    verdict = Verdict(
        suite=suite,
        passed=bool(outcomes) and all(outcome.passed for outcome in outcomes),
        failures=tuple(dict.fromkeys(said or plain)),
        checks=sum(outcome.checks for outcome in outcomes),
        result_path=str(folder / f"{suite}.json"),
        docs=str(docs),
    )
    _keep(verdict, [file for outcome in outcomes for file in outcome.files])
    return verdict


def _checkpoint(context: Any, table: Table) -> Any:
    """Definitions are named by the table and replaced, so that a retry with newer rules runs the newer rules."""
    import great_expectations as gx

    definition = gx.ValidationDefinition(
        name=table.name, data=_batch(context, table.name), suite=_suite(context, table)
    )
    checkpoint = context.checkpoints.add_or_update(
        gx.Checkpoint(
            name=table.name,
            validation_definitions=[context.validation_definitions.add_or_update(definition)],
            # The exact places are worked out from the data itself; a list of every wrong row could be millions long.
            result_format={"result_format": "BASIC", "partial_unexpected_count": _SHOWN},
        )
    )
    return checkpoint.run(batch_parameters={"dataframe": table.frame}, run_id=gx.RunIdentifier(run_name=table.name))


def _batch(context: Any, name: str) -> Any:
    source = context.data_sources.add_or_update_pandas(f"drover_{name}")
    return source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")


def _suite(context: Any, table: Table) -> Any:
    import great_expectations as gx
    import great_expectations.expectations as expectations

    made = [
        getattr(expectations, check.type)(**check.options, description=check.says, meta={"check": index})
        for index, check in enumerate(table.checks)
    ]
    return context.suites.add_or_update(gx.ExpectationSuite(name=table.name, expectations=made))


def _read(table: Table, result: Any, root: Path) -> _Outcome:
    found = {one.expectation_config.meta["check"]: one for run in result.run_results.values() for one in run.results}
    failed = [(table.checks[index], found[index]) for index in sorted(found) if not found[index].success]
    failures = [words for check, one in failed for words in _words(check, one)]
    complete = len(found) == len(table.checks) > 0
    if not complete:
        failures.append(
            f"Only {len(found)} of {len(table.checks)} checks of {table.name} were evaluated; run it again."
        )
    files = tuple(
        os.path.join(root, "uncommitted", "validations", *identifier.to_tuple()) + ".json"
        for identifier in result.run_results
    )
    plain = tuple(_plain(*one) for one in failed)
    return _Outcome(bool(result.success) and complete, tuple(failures), plain, len(found), files)


def _words(check: Check, found: Any) -> list[str]:
    """The check's own sentences. A check that could not be evaluated fails, and says so."""
    raised = found.exception_info or {}
    if raised.get("raised_exception") or any(isinstance(v, dict) and v["raised_exception"] for v in raised.values()):
        return [f"{check.says} This could not be checked: Great Expectations failed at it; see its result file."]
    return [_plain(check, found)] if check.explain is None else list(check.explain())


def _plain(check: Check, found: Any) -> str:
    observed = found.result.get("observed_value", found.result.get("partial_unexpected_list"))
    return f"{check.says} This is not so: {observed} was found."


def _keep(verdict: Verdict, files: Iterable[str]) -> None:
    """Paths in the file are relative, so that a bundle can be opened anywhere."""
    path = Path(verdict.result_path)
    kept = asdict(verdict) | {
        "docs": os.path.relpath(verdict.docs, path.parent),
        "result_path": path.name,
        "results": [os.path.relpath(file, path.parent) for file in files],
    }
    write_durably(path, json.dumps(kept, indent=2, ensure_ascii=False).encode())
