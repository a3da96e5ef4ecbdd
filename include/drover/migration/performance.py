"""How the machine performs at the target, held against how it did at the source: a Great Expectations suite."""

from drover.errors import OperatorNeededError
from drover.hypervisors.counters import ALL
from drover.migration import measuring
from drover.migration.move import Move
from drover.migration.stage import Facts, require, stage


@stage("performance")
def run(move: Move) -> Facts:
    from drover.quality import performance

    require(move, "baseline", "cutover")
    plan = measuring.plan_of(move)
    before = measuring.kept(move)
    if before is None:
        return {"compared": "nothing: the machine was off before its move"}
    figures = measuring.figures(move)
    after = measuring.usage(move, move.target, plan.baseline)
    verdict = performance.validate(before, after, plan.tolerance, figures, move.store.path("quality", "performance"))
    if not verdict.passed:
        raise OperatorNeededError(
            f"Machine '{move.name}' does not perform at the target as it did: {' '.join(verdict.failures)}",
            remedy="The source is started again; what the target wrote is kept there, off.",
        )
    left = sorted(ALL - figures)
    return {
        **measuring.facts_of(after),
        "not_compared": left,
        "checks": verdict.checks,
        "results": str(verdict.result_path),
    }
