"""t-SNE of the representations h of test rows, coloured by codeword, with silhouettes in h itself: AQCL, figure 6.

A method with a codebook assigns a codeword to every row; the other methods' pictures are coloured by these codewords.

Shape:
    R rows, H size of h.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ctrbench.errors import NothingToShowError
from ctrbench.recipe.recipe import Recipe
from ctrbench.report.frame import Frame, Value
from ctrbench.report.select import ReportData, ReportRow
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.style import COLOURS, LIGHT, MARKERS, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 10
"""Number of codewords with a colour: the most frequent ones."""
SEED = 0
"""Seed of t-SNE and k-means."""
SILHOUETTES = {
    "by_codeword": "codewords, all rows",
    "by_codeword_shown": f"codewords, the {SHOWN} most frequent",
    "by_own_clusters": "k-means of this h, all rows",
    "by_own_clusters_shown": f"k-means of this h, the {SHOWN} largest clusters",
}
COLUMNS = (
    *("dataset", "method", "row", "click_length", "codeword", "shown", "x", "y", "codewords_in_use"),
    *SILHOUETTES,
)


@dataclass(frozen=True)
class _Stored:
    """What the job of one method stored."""

    dataset: str
    method: str
    row: NDArray[np.int64]
    """(R,) position in rows.parquet."""
    click_length: NDArray[np.int64]
    """(R,)"""
    codeword: NDArray[np.int64] | None
    """(R,); None without a codebook."""
    h: NDArray[np.float64]
    """(R, H)"""


@dataclass(frozen=True)
class _Judged:
    """What the job of one method stored, with the codeword of every row, and the silhouettes."""

    stored: _Stored
    codeword: NDArray[np.int64]
    """(R,)"""
    in_use: int
    silhouettes: tuple[float | None, ...]
    """In the order of :data:`SILHOUETTES`."""


class Representations(View):
    """See the module's docstring."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One row per method and test row of seed 0; each row repeats the silhouettes of its method. For reading,
        one row per method, without t-SNE."""
        judged = _judged(data)
        names = ("dataset", "method", "codewords_in_use", *SILHOUETTES, "rows")
        rows = [
            (own.stored.dataset, own.stored.method, own.in_use, *own.silhouettes, len(own.stored.h)) for own in judged
        ]
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data),
                source=lambda: Frame.of(COLUMNS, [row for own in judged for row in _embedded(own)]),
                shown=Frame.of(names, rows),
                reading=(
                    "Numbers are mean silhouettes in the space of h, not of the picture (1: groups far apart, 0: no "
                    "groups); k-means has as many clusters as codewords are in use. Coloured: rows of the "
                    f"{SHOWN} most frequent codewords, the rest grey. t-SNE from PCA, seed 0; its axes have no unit."
                ),
                draw=draw,
            )
        ]


def _judged(data: ReportData) -> list[_Judged]:
    """The methods of each dataset, by the codewords of the one that has a codebook."""
    stored = [_read(data, row) for row in data.rows if row.record.seed == 0]
    if not stored:
        recipe = data.recipe
        raise NothingToShowError(
            f"{recipe.name}: no finished run of seed 0, whose rows are shown; run: {recipe.command('run')}"
        )
    found = []
    for dataset in dict.fromkeys(each.dataset for each in stored):
        own = [each for each in stored if each.dataset == dataset]
        codewords = _codewords(data.recipe, own)
        found += [_judge(each, codewords) for each in own]
    return found


def _read(data: ReportData, row: ReportRow) -> _Stored:
    table = data.store.representations(row.record) if data.store else None
    if table is None:
        recipe = data.recipe
        raise NothingToShowError(
            f"{recipe.name}: no h is stored of {row.key} seed {row.record.seed}; repeat the run: "
            f"{recipe.command('run', '--force')}"
        )
    codeword = table["codeword"].combine_chunks()
    return _Stored(
        dataset=row.key.dataset,
        method=row.key.method,
        row=table["row"].to_numpy().astype(np.int64),
        click_length=table["click_length"].to_numpy().astype(np.int64),
        codeword=None if codeword.null_count else codeword.to_numpy().astype(np.int64),
        h=np.stack(table["h"].to_pylist()).astype(np.float64),
    )


def _codewords(recipe: Recipe, stored: list[_Stored]) -> dict[int, int]:
    """Row -> codeword, from the method that has codewords."""
    for each in stored:
        if each.codeword is not None:
            return dict(zip(each.row.tolist(), each.codeword.tolist(), strict=True))
    methods = ", ".join(each.method for each in stored)
    raise NothingToShowError(
        f"{recipe.name}: none of {methods} has a codebook on {stored[0].dataset}; aqcl has one: {recipe.command('run')}"
    )


def _judge(stored: _Stored, codewords: dict[int, int]) -> _Judged:
    from sklearn.cluster import KMeans  # noqa: PLC0415 - slow to import, and no other view needs it

    codeword = np.array([codewords[row] for row in stored.row.tolist()])
    in_use = len(np.unique(codeword))
    clusters = KMeans(in_use, n_init=5, random_state=SEED).fit_predict(stored.h)
    silhouettes = (*_silhouettes(stored.h, codeword), *_silhouettes(stored.h, clusters))
    return _Judged(stored, codeword, in_use, silhouettes)


def _embedded(own: _Judged) -> list[tuple[Value, ...]]:
    from sklearn.manifold import TSNE  # noqa: PLC0415 - as above

    stored = own.stored
    perplexity = min(30.0, (len(stored.h) - 1) / 3)
    picture = TSNE(init="pca", random_state=SEED, perplexity=perplexity).fit_transform(stored.h)
    columns = (stored.row, stored.click_length, own.codeword, _frequent(own.codeword), picture[:, 0], picture[:, 1])
    return [
        (stored.dataset, stored.method, *values, own.in_use, *own.silhouettes)
        for values in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _frequent(group: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Rows (R,) of the most frequent groups; of two equally frequent groups, the lower comes first."""
    names, counts = np.unique(group, return_counts=True)
    return np.isin(group, names[np.argsort(-counts, kind="stable")][:SHOWN])


def _silhouettes(h: NDArray[np.float64], group: NDArray[np.integer]) -> tuple[float | None, float | None]:
    """Silhouettes of all rows and of the rows of the most frequent groups; None if fewer than two groups have rows."""
    shown = _frequent(group)
    return _silhouette(h, group), _silhouette(h[shown], group[shown])


def _silhouette(h: NDArray[np.float64], group: NDArray[np.integer]) -> float | None:
    from sklearn.metrics import silhouette_score  # noqa: PLC0415 - see above

    if not 2 <= len(np.unique(group)) < len(group):
        return None
    return round(float(silhouette_score(h, group)), 4)


def draw(frame: Frame) -> "Figure":
    """One line of panels per dataset, one panel per method."""
    table = frame.pandas()
    datasets = list(table.groupby("dataset", sort=False))
    figure, grid = panels(len(datasets), table["method"].nunique(), height=4.0)
    for line, (dataset, own) in zip(grid, datasets, strict=True):
        shown = own[own["shown"]]["codeword"].value_counts().index.to_list()
        for axes, (method, part) in zip(line, own.groupby("method", sort=False), strict=False):
            _panel(axes, part, shown)
            axes.set_title(f"{method}, {dataset}")
        line[-1].legend(title="codeword", loc="upper left", bbox_to_anchor=(1, 1), markerscale=1.4, handlelength=1)
    return figure


def _panel(axes: "Axes", part: "pd.DataFrame", shown: list[int]) -> None:
    rest = part[~part["shown"]]
    axes.scatter(rest["x"], rest["y"], s=4, color=LIGHT, linewidths=0)
    for place, codeword in enumerate(shown):
        own = part[part["codeword"] == codeword]
        axes.scatter(
            own["x"],
            own["y"],
            s=11,
            color=COLOURS[place % len(COLOURS)],
            marker=MARKERS[place % len(MARKERS)],
            linewidths=0,
            label=str(codeword),
        )
    first = part.iloc[0]
    lines = [f"{first[name]:+.3f}  {label}" for name, label in SILHOUETTES.items()]
    axes.set_xlabel("silhouette of h by\n" + "\n".join(lines), fontsize=7.5, loc="left", linespacing=1.4)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
