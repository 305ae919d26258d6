"""What of a plan is done and what is left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ctrbench.data.schema import Manifest
from ctrbench.experiments.cell import Cell
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.plan import Plan, Run


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


def left_aside(configs: Iterable[RunConfig], manifest: Manifest, ledger: Ledger) -> int:
    """Finished runs of a dataset's configurations on other data than ``manifest``.

    Raises:
        CtrbenchError: a record is damaged.
    """
    others = ledger.fingerprints(manifest.name).keys() - {manifest.fingerprint}
    own = [config for config in configs if config.dataset == manifest.name]
    return sum(ledger.finished(config.identity(other)) for other in others for config in own)


def aside_line(aside: int) -> str:
    """One sentence on finished runs that nothing uses."""
    runs = "1 run of other data is" if aside == 1 else f"{aside} runs of other data are"
    return f"{runs} left aside: the prepared data changed after {'it' if aside == 1 else 'them'}"


def status(plan: Plan, ledger: Ledger) -> Status:
    """Compares a plan with the ledger.

    Raises:
        CtrbenchError: a record is damaged.
    """
    left = [run for run in plan.runs if not ledger.finished(run.identity)]
    failures = [(run, ledger.failure(run.identity)) for run in left]
    configs = [run.config for run in plan.runs]
    aside = sum(left_aside(configs, manifest, ledger) for manifest in plan.manifests.values())
    return Status(
        done=[run for run in plan.runs if ledger.finished(run.identity)],
        left=left,
        failed=[(run, failure.cause) for run, failure in failures if failure],
        refused=plan.refused,
        aside=aside,
    )
