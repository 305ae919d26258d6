"""What of a plan is done and what is left."""

from collections.abc import Sequence
from dataclasses import dataclass

from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.plan import Cell, Plan, Run


@dataclass(frozen=True)
class Status:
    """Of a plan, as the ledger stands."""

    done: Sequence[Run]
    left: Sequence[Run]
    failed: Sequence[tuple[Run, str]]
    """Those of ``left`` whose last attempt failed, with the cause."""
    refused: dict[Cell, str]
    aside: int
    """Finished runs of the same configurations on other data than is prepared; nothing uses them."""


def status(plan: Plan, ledger: Ledger) -> Status:
    """Compares a plan with the ledger.

    Raises:
        CtrbenchError: a record is damaged.
    """
    left = [run for run in plan.runs if not ledger.finished(run.identity)]
    failures = [(run, ledger.failure(run.identity)) for run in left]
    aside = 0
    for dataset, manifest in plan.manifests.items():
        others = ledger.fingerprints(dataset).keys() - {manifest.fingerprint}
        configs = [run.config for run in plan.runs if run.config.dataset == dataset]
        aside += sum(ledger.finished(config.identity(other)) for other in others for config in configs)
    return Status(
        done=[run for run in plan.runs if ledger.finished(run.identity)],
        left=left,
        failed=[(run, failure.cause) for run, failure in failures if failure],
        refused=plan.refused,
        aside=aside,
    )
