"""How attention weights are distributed, method beside method: C2AL, figures 2 and 4.

Source of the statistics: Cokbas et al., arXiv 2510.02215. What a run summarises, and when:
:mod:`ctrbench.training.attention`.

Shape: N bins.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ctrbench.errors import NothingToShowError
from ctrbench.metrics.distribution import EDGES, SMALL, Distribution
from ctrbench.recipe.recipe import Recipe
from ctrbench.report.frame import Frame, Level, Value
from ctrbench.report.select import ReportData
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.style import COLOURS, DASHES, panels
from ctrbench.strict import Strict
from ctrbench.training.history import ALL, EpochMetrics

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STATISTICS = {
    "std": "standard deviation",
    "kurtosis": "excess kurtosis",
    "near_zero": f"share of |w| < {SMALL:g}",
    "entropy": "entropy of |w| / sum |w| (nats)",
}
"""Field of a distribution -> its label."""
PLACE = ("dataset", "backbone", "method", "variant", "layer", "weights")
SHOWN = 0.998
"""Share of the weights, around the median, that a panel spans at least."""
STEPS = 40
"""Steps of a curve: narrower bins are merged."""


class AttentionOptions(Strict):
    """Options of the views of attention weights."""

    layers: Literal["together", "each"] = "together"
    """All layers as one distribution, or one of each."""


class Attention(View):
    """See the module's docstring."""

    Options = AttentionOptions
    options: AttentionOptions

    def show(self, data: ReportData) -> list[ViewData]:
        """One row per dataset, backbone, method, variant, layer and bin; for reading, one per layer with statistics.

        Raises:
            NothingToShowError: no run summarised its attention weights.
        """
        found: dict[tuple[str, ...], list[Distribution]] = {}
        for row in data.rows:
            own = row.key.dataset, row.key.backbone, row.key.method, row.key.variant or ""
            for *place, distribution in distributions(row.record.kept_look, self.options.layers):
                found.setdefault((*own, *place), []).append(distribution)
        if not found:
            raise nothing_summarised(data.recipe)
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data),
                source=Frame.of((*PLACE, "from", "to", "density"), _densities(found)),
                shown=_statistics(found),
                reading=f"At the look whose weights a run keeps, all seeds together; statistics are means over seeds "
                f"with their standard deviation. {meaning(data.recipe)}",
                draw=draw,
            )
        ]


def distributions(look: EpochMetrics, layers: str) -> Iterator[tuple[str, str, Distribution]]:
    """Layer, weights (parameters or activations) and distribution of a look; a single layer is all of them."""
    single = ALL not in look.attention
    for layer, own in look.attention.items():
        if single or (layer == ALL) == (layers == "together"):
            yield from ((layer, weights, distribution) for weights, distribution in own.items())


def nothing_summarised(recipe: Recipe) -> NothingToShowError:
    """The error of a report on runs that did not look at their attention weights."""
    return NothingToShowError(
        f"{recipe.name}: no run summarised its attention weights; set attention_rows, for a backbone with attention"
    )


def meaning(recipe: Recipe) -> str:
    """What the weights and the statistics are."""
    return (
        "Parameters are the matrices that attention weights are computed with, without biases; activations are the "
        f"weights that the layers compute for {recipe.attention_rows:,} validation rows, always the same. Kurtosis is "
        "0 for a normal distribution; the entropy is at most the log of the number of weights."
    )


def _densities(found: Mapping[tuple[str, ...], Sequence[Distribution]]) -> Iterator[tuple[Value, ...]]:
    """The bins from the first to the last that is not empty."""
    for place, own in found.items():
        counts = np.sum([each.counts for each in own], axis=0)
        density = counts / counts.sum() / np.diff(EDGES)
        used = np.flatnonzero(counts)
        for bin_ in range(used[0], used[-1] + 1):
            yield (*place, float(EDGES[bin_]), float(EDGES[bin_ + 1]), float(density[bin_]))


def _statistics(found: Mapping[tuple[str, ...], Sequence[Distribution]]) -> Frame:
    names = (*PLACE, "seeds", "number", *STATISTICS)
    rows = [
        (*place, len(own), own[0].size, *(_level([getattr(each, name) for each in own]) for name in STATISTICS))
        for place, own in found.items()
    ]
    return Frame.of(names, rows)


def _level(values: Sequence[float | None]) -> Level | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Level(float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else None)


def draw(frame: Frame) -> "Figure":
    """A row of panels per dataset, backbone and layer: parameters and activations; a line per method and variant."""
    table = frame.pandas()
    places = list(table.groupby(["dataset", "backbone", "layer"], sort=False))
    kinds = list(dict.fromkeys(table["weights"]))
    figure, grid = panels(len(places), len(kinds), width=4.2)
    for line, ((dataset, backbone, layer), of_place) in zip(grid, places, strict=True):
        for axes, kind in zip(line, kinds, strict=True):
            _panel(axes, of_place[of_place["weights"] == kind])
            of_layer = "all attention layers" if layer == ALL else layer
            axes.set_title(f"{dataset}, {backbone}\n{of_layer}", fontsize=8)
            axes.set_xlabel(f"{kind} w")
        line[0].set_ylabel("density")
    grid[0, 0].legend(loc="lower center")
    return figure


def _panel(axes: "Axes", own: "pd.DataFrame") -> None:
    curves = {
        ", ".join(filter(None, map(str, name))): (
            np.append(part["from"].to_numpy(), part["to"].iloc[-1]),
            part["density"].to_numpy(),
        )
        for name, part in own.groupby(["method", "variant"], sort=False)
    }
    low, high = _span([*curves.values()])
    for place, (name, curve) in enumerate(curves.items()):
        edges, density = merged(*curve, least=(high - low) / STEPS)
        colour, dashes = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
        axes.stairs(density, edges, color=colour, linestyle=dashes, linewidth=1.3, label=name)
    axes.set_yscale("log")
    axes.set_xlim(low, high)


def _span(curves: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> tuple[float, float]:
    """From the lowest to the highest of the ends within which :data:`SHOWN` of each curve lies."""
    lows, highs = [], []
    for edges, density in curves:
        below = np.concatenate([[0.0], np.cumsum(density * np.diff(edges))])
        low, high = np.interp([(1 - SHOWN) / 2, (1 + SHOWN) / 2], below, edges)
        lows.append(low)
        highs.append(high)
    return float(min(lows)), float(max(highs))


def merged(
    edges: NDArray[np.float64], density: NDArray[np.float64], *, least: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges (N + 1,) and densities (N,) with neighbouring bins merged until each is ``least`` wide, the last apart."""
    kept = [0]
    for place in range(1, len(edges)):
        if edges[place] - edges[kept[-1]] >= least or place == len(edges) - 1:
            kept.append(place)
    share = np.add.reduceat(density * np.diff(edges), kept[:-1])
    return edges[kept], share / np.diff(edges[kept])
