"""The cohorts of an axis, how differently a model scores them, and which two of them C2AL uses.

All of it is read off the search holdout: rows of the training split that the model was not trained on.

Shape:
    E examples, G groups of the axis, N bins.
"""

from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from ctrbench.cohorts.axis import Axis, Group
from ctrbench.cohorts.divergence import Divergence, Histograms, divergence, matrix, shuffles
from ctrbench.data.cohort_rule import columns_of_rules, interval
from ctrbench.data.schema import Manifest, Source
from ctrbench.errors import CtrbenchError
from ctrbench.recipe.cohort_file import FoundCohort, FoundCohorts, FoundPair, Pair


@dataclass(frozen=True)
class Judged:
    """The rows that cohorts are found on, as a trained model sees them."""

    predictions: NDArray[np.float64]
    """(E,)"""
    labels: NDArray[np.bool_]
    """(E,)"""
    factors: NDArray[np.int64]
    """(E, F) group in each factor of the axis."""
    units: dict[str, NDArray[np.int64]]
    """User and item (E,) of each example."""
    hashes: dict[Source, NDArray[np.int64]]
    """The random number (E,) of each example's user, item and row (:data:`ctrbench.data.schema.NUMBERS`)."""


@dataclass(frozen=True)
class Options:
    """What the paper leaves open."""

    divergence: Divergence = "js"
    bins: int = 50
    least_share: float = 0.02
    """Smallest share of the rows that head and tail may have."""
    shuffles: int = 200
    """Draws of the null."""
    seed: int = 0


@dataclass(frozen=True)
class Discovery:
    """The cohorts of an axis."""

    axis: Axis
    rows: NDArray[np.int64]
    """(G,)"""
    positives: NDArray[np.int64]
    """(G,)"""
    divergences: NDArray[np.float64]
    """(G, G)"""
    null: NDArray[np.float64]
    """(G, G) mean over shuffles."""
    p: NDArray[np.float64]
    """(G, G) share of shuffles, the data themselves counted, whose largest divergence between large enough groups is at
    least that found."""
    histograms: Histograms
    counts: NDArray[np.int64]
    """(G, N)"""
    eligible: NDArray[np.bool_]
    """(G,) whether a group is large enough."""
    comparable: bool
    """Whether positive-label ratios of groups can be compared: not where every positive of a user has its own
    sampled negatives."""
    found: FoundCohorts

    def place(self, cohort: FoundCohort) -> int:
        """The number of the group that is a cohort."""
        return [group.name for group in self.axis.groups].index(cohort.name)


def discover(judged: Judged, axis: Axis, manifest: Manifest, options: Options) -> Discovery:
    """Compares the groups of an axis and picks the pairs.

    Raises:
        CtrbenchError: fewer than two groups have the least share of the rows.
    """
    groups, codes = len(axis.groups), axis.codes(judged.factors)
    inside = codes >= 0
    rows = np.bincount(codes[inside], minlength=groups)
    positives = np.bincount(codes[inside & judged.labels], minlength=groups)
    eligible = rows >= max(options.least_share * len(codes), 1)
    if eligible.sum() < 2:
        raise CtrbenchError(
            f"{manifest.name}: axis {axis.expression!r}: fewer than two groups have {options.least_share:.0%} of the "
            f"{len(codes):,} rows of the search holdout; lower --least-share, or use fewer groups"
        )
    histograms = Histograms(judged.predictions, options.bins)
    counts = histograms.of(codes, groups)
    found = matrix(counts, options.divergence, histograms.centres)
    null, largest = _null(judged, axis, histograms, eligible, options)
    # A pair is chosen for being the most divergent, so each is judged by the most divergent pair of every shuffle: the
    # single-step maximum test of Westfall and Young, Resampling-Based Multiple Testing, 1993.
    p = (1 + (largest[:, None, None] >= found).sum(0)) / (1 + options.shuffles)
    comparable = manifest.negatives.source == "impressions" or axis.source == "item"
    compared = _Compared(codes, histograms, found, null, p, eligible)
    pairs = _pairs(judged, axis, compared, options, comparable=comparable)
    cohorts = FoundCohorts(
        dataset=manifest.name,
        axis=axis.expression,
        divergence=options.divergence,
        head_is="the cohort with the higher share of positive labels" if comparable else "the later on the axis",
        log_predictions=(float(histograms.edges[0]), float(histograms.edges[-1])),
        pairs=tuple(pair.model_copy(update={"found_on": _read_by(pair, manifest)}) for pair in pairs),
    )
    return Discovery(axis, rows, positives, found, null, p, histograms, counts, eligible, comparable, cohorts)


def _read_by(pair: FoundPair, manifest: Manifest) -> str:
    """The fingerprint of what training reads with the cohorts of a pair."""
    return manifest.fingerprint_with(columns_of_rules(pair.head.rule, pair.tail.rule))


@dataclass(frozen=True)
class _Compared:
    """The group (E,) of each example; of every pair of groups, divergence, its mean over shuffles and p (G, G); and
    which groups (G,) are large enough."""

    codes: NDArray[np.int64]
    histograms: Histograms
    found: NDArray[np.float64]
    null: NDArray[np.float64]
    p: NDArray[np.float64]
    eligible: NDArray[np.bool_]


def _null(
    judged: Judged, axis: Axis, histograms: Histograms, eligible: NDArray[np.bool_], options: Options
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of shuffled groups, the mean divergence (G, G) and the largest one between large enough groups, by shuffle.

    Each factor is shuffled by itself: one of items over items, the others over users, whose rows are alike in more
    than the factor.
    """
    generator = np.random.default_rng(options.seed)
    units = [judged.units["item" if source == "item" else "user"] for source in axis.sources]
    drawn_factors = zip(*map(partial(shuffles, generator=generator), judged.factors.T, units), strict=True)
    pairs = np.triu(np.outer(eligible, eligible), 1)
    total, largest = np.zeros(pairs.shape), np.zeros(options.shuffles)
    for shuffle, factors in enumerate(islice(drawn_factors, options.shuffles)):
        counts = histograms.of(axis.codes(np.stack(factors, 1)), len(axis.groups))
        drawn = matrix(counts, options.divergence, histograms.centres)
        total += drawn
        largest[shuffle] = drawn[pairs].max()
    return total / options.shuffles, largest


def _pairs(judged: Judged, axis: Axis, groups: _Compared, options: Options, *, comparable: bool) -> list[FoundPair]:
    """The most and the least divergent pair of large enough groups, and two random cohorts as large as the former."""
    large = [int(group) for group in np.flatnonzero(groups.eligible)]
    order = sorted(combinations(large, 2), key=lambda pair: (-groups.found[pair], pair))
    facts = {group: _facts(axis.groups[group], judged, groups.histograms, groups.codes == group) for group in large}

    def pair_of(kind: Pair, one: int, other: int) -> FoundPair:
        first, second = facts[one], facts[other]
        swapped = first.positive_ratio < second.positive_ratio if comparable else one < other
        head, tail = (second, first) if swapped else (first, second)
        return FoundPair(
            pair=kind,
            head=head,
            tail=tail,
            divergence=float(groups.found[one, other]),
            null=float(groups.null[one, other]),
            p=float(groups.p[one, other]),
            found_on="",
        )

    divergent = pair_of("divergent", *order[0])
    pairs = [divergent, pair_of("least", *order[-1])] if len(order) > 1 else [divergent]
    return [*pairs, _random_pair(judged, axis, divergent, groups, options)]


def _facts(group: Group, judged: Judged, histograms: Histograms, inside: NDArray[np.bool_]) -> FoundCohort:
    return FoundCohort(
        name=group.name,
        rule=group.rule,
        share=float(inside.mean()),
        positive_ratio=float(judged.labels[inside].mean()),
        predictions=tuple(histograms.of(np.where(inside, 0, -1), 1)[0].tolist()),
    )


def _random_pair(judged: Judged, axis: Axis, like: FoundPair, groups: _Compared, options: Options) -> FoundPair:
    """Two random sets of users, items or rows with as large shares of the rows as a pair; of rows also where an axis
    has factors of both users and items, so that they are less alike than its cohorts.

    Raises:
        CtrbenchError: all rows beyond the head are of one user or item that it holds.
    """
    source = axis.source
    hashes = judged.hashes[source]
    ranked = np.sort(hashes)
    first, second = (
        int(ranked[min(len(ranked) - 1, round(share * len(ranked)))])
        for share in (like.head.share, like.head.share + like.tail.share)
    )
    beyond = ranked[ranked > first]
    if not len(beyond):
        raise CtrbenchError(f"axis {axis.expression!r}: too few {source}s for two random sets as large as its cohorts")
    ends = ((0, first), (first + 1, max(second, int(beyond[0]))))
    cohorts = []
    for name, (low, high) in zip(("head", "tail"), ends, strict=True):
        inside = (hashes >= low) & (hashes <= high)
        group = Group(f"random {source}s ({name})", (interval(f"random_{source}", low, high),))
        cohorts.append(_facts(group, judged, groups.histograms, inside))
    counts = [np.array(cohort.predictions) for cohort in cohorts]
    value = divergence(counts[0], counts[1], options.divergence, groups.histograms.centres)
    return FoundPair(pair="random", head=cohorts[0], tail=cohorts[1], divergence=value, found_on="")
