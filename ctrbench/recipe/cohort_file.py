"""Files of cohorts, which ``ctrbench cohorts`` writes and recipes name: nobody types a cohort. No torch."""

from pathlib import Path
from typing import Literal

from ctrbench.errors import CtrbenchError
from ctrbench.files import read_toml, write_toml
from ctrbench.strict import Strict

Pair = Literal["divergent", "least", "random"]
FOUND_ON = "found_on"
"""The setting of a method that notes on which data its cohorts were found."""


class FoundCohort(Strict):
    """One cohort, and its facts on the rows on which it was found."""

    name: str
    rule: tuple[str, ...]
    """Its conditions (:mod:`ctrbench.data.cohort_rule`)."""
    share: float
    """Of the rows."""
    positive_ratio: float
    """Share of its rows whose label is 1; the same in every cohort of users where negatives are sampled."""
    predictions: tuple[int, ...] = ()
    """Its rows by the log of their prediction, in bins of equal width over ``FoundCohorts.log_predictions``; empty in a
    file without them."""


class FoundPair(Strict):
    """Two cohorts of an axis."""

    pair: Pair
    head: FoundCohort
    tail: FoundCohort
    divergence: float
    null: float | None = None
    """Mean divergence of the two where which user or item is in which cohort is shuffled; None for random cohorts,
    whose divergence is such a draw itself."""
    p: float | None = None
    """Share of the shuffles, the data themselves counted, in which some pair of large enough cohorts is at least as
    divergent; None for random cohorts, and in older files."""
    found_on: str
    """Fingerprint of the data, as far as the rules and training read them."""


class FoundCohorts(Strict):
    """The pairs of one axis of one dataset."""

    dataset: str
    axis: str
    divergence: str
    """Which divergence compares the cohorts."""
    head_is: str
    """Why the head is the head."""
    log_predictions: tuple[float, ...] = ()
    """The lower end of the first bin of log predictions and the upper end of the last; the outermost bins hold what
    lies beyond. Empty in a file without predictions."""
    pairs: tuple[FoundPair, ...]

    def pair(self, kind: str) -> FoundPair | None:
        """A pair; None where there is none."""
        return next((pair for pair in self.pairs if pair.pair == kind), None)

    def settings(self, kind: str) -> dict[str, object]:
        """What a method's settings hold of a pair; empty where there is none."""
        pair = self.pair(kind)
        if not pair:
            return {}
        return {"head": list(pair.head.rule), "tail": list(pair.tail.rule), FOUND_ON: pair.found_on}


class CohortFile(Strict):
    """A file of cohorts."""

    cohorts: tuple[FoundCohorts, ...] = ()


def read_cohort_file(path: Path) -> CohortFile:
    """Reads a file of cohorts.

    Raises:
        CtrbenchError: the file cannot be read, or is no file of cohorts.
    """
    return CohortFile.read(read_toml(path), str(path))


def add_to_cohort_file(path: Path, found: FoundCohorts, command: str) -> None:
    """Writes the pairs of an axis into a file, in place of what it had of this axis and dataset; keeps all else.

    Raises:
        CtrbenchError: the file is there and no file of cohorts, or cannot be written.
    """
    if path.suffix != ".toml":
        raise CtrbenchError(f"--output {path}: a file of cohorts ends in .toml")
    known = read_cohort_file(path).cohorts if path.exists() else ()
    kept = [each for each in known if (each.dataset, each.axis) != (found.dataset, found.axis)]
    whole = CohortFile(cohorts=tuple(sorted([*kept, found], key=lambda each: (each.dataset, each.axis))))
    write_toml(path, whole.model_dump(mode="json", exclude_none=True), command, option="--output")
