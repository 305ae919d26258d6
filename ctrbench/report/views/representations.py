"""t-SNE of the representations h of test rows, coloured by codeword, with silhouettes in h itself: AQCL, figure 6.

A method with a codebook gives every row its codeword; the other methods' pictures are coloured by the same codewords.

Shape:
    R rows, H size of h.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from numpy.typing import NDArray

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.tables import Entry
from ctrbench.report.figures.base import Figure, Material
from ctrbench.report.figures.style import COLOURS, LIGHT, MARKERS, panels

SHOWN = 10
"""Codewords that have a colour: those of most rows."""
SEED = 0
"""Of t-SNE and k-means."""
SILHOUETTES = {
    "by_codeword": "codewords, all rows",
    "by_codeword_shown": f"codewords, the {SHOWN} most frequent",
    "by_own_clusters": "k-means of this h, all rows",
    "by_own_clusters_shown": f"k-means of this h, the {SHOWN} largest clusters",
}


@dataclass(frozen=True)
class _Filed:
    """What the run of one method left."""

    dataset: str
    method: str
    table: pd.DataFrame
    h: NDArray[np.float64]


class Representations(Figure):
    """See the module's docstring."""

    reading = (
        "Numbers are mean silhouettes in the space of h, not of the picture (1: groups far apart, 0: no groups); "
        f"k-means has as many clusters as codewords are in use. Coloured: rows of the {SHOWN} most frequent codewords, "
        "the rest grey. t-SNE from PCA, seed 0; its axes have no unit."
    )

    def frame(self, material: Material) -> pd.DataFrame:
        """One row per method and test row of seed 0; the silhouettes stand in every row of their method."""
        filed = [_read(material, entry) for entry in material.entries if entry.record.config.seed == 0]
        if not filed:
            name = material.spec.name
            raise CtrbenchError(f"{name}: no finished run of seed 0, whose rows are shown: ctrbench run {name}")
        parts = []
        for dataset in dict.fromkeys(each.dataset for each in filed):
            own = [each for each in filed if each.dataset == dataset]
            codewords = _codewords(material.spec.name, own)
            parts += [_embedded(each, codewords) for each in own]
        return pd.concat(parts, ignore_index=True)

    def summary(self, frame: pd.DataFrame) -> pd.DataFrame:
        """One row per method: its silhouettes."""
        keys = ["dataset", "method", "codewords_in_use", *SILHOUETTES]
        counts = frame.groupby(keys, sort=False, dropna=False).size()
        return counts.rename("rows").reset_index()

    def draw(self, frame: pd.DataFrame) -> Drawing:
        """One line of panels per dataset, one panel per method."""
        datasets = list(frame.groupby("dataset", sort=False))
        figure, grid = panels(len(datasets), frame["method"].nunique(), height=4.0)
        for line, (dataset, own) in zip(grid, datasets, strict=True):
            shown = own[own["shown"]]["codeword"].value_counts().index.to_list()
            for axes, (method, part) in zip(line, own.groupby("method", sort=False), strict=False):
                _panel(axes, part, shown)
                axes.set_title(f"{method}, {dataset}")
            line[-1].legend(title="codeword", loc="upper left", bbox_to_anchor=(1, 1), markerscale=1.4, handlelength=1)
        return figure


def _read(material: Material, entry: Entry) -> _Filed:
    path = material.ledger.representations(entry.record.identity)
    try:
        table = pq.read_table(path).to_pandas()
        h = np.stack(table.pop("h").to_list()).astype(np.float64)
    except (OSError, ValueError, KeyError) as error:
        way_out = f"repeat the run: ctrbench run {material.spec.name} --force"
        raise CtrbenchError(f"{path}: cannot be read ({error}); {way_out}") from None
    return _Filed(entry.cell.dataset, entry.cell.method, table, h)


def _codewords(recipe: str, filed: list[_Filed]) -> "pd.Series[int]":
    """Row -> codeword, from the method that has codewords."""
    for each in filed:
        if each.table["codeword"].notna().all():
            return each.table.set_index("row")["codeword"].astype(int)
    methods = ", ".join(each.method for each in filed)
    message = f"{recipe}: none of {methods} has a codebook on {filed[0].dataset}; aqcl has one: ctrbench run {recipe}"
    raise CtrbenchError(message)


def _embedded(filed: _Filed, codewords: "pd.Series[int]") -> pd.DataFrame:
    from sklearn.cluster import KMeans  # noqa: PLC0415 - slow to import, and an empty figure needs none of it
    from sklearn.manifold import TSNE  # noqa: PLC0415

    codeword = codewords.loc[filed.table["row"]].to_numpy()
    in_use = len(np.unique(codeword))
    clusters = KMeans(in_use, n_init=5, random_state=SEED).fit_predict(filed.h)
    perplexity = min(30.0, (len(filed.h) - 1) / 3)
    picture = TSNE(init="pca", random_state=SEED, perplexity=perplexity).fit_transform(filed.h)
    shown = _frequent(codeword)
    by_codeword, by_cluster = _silhouettes(filed.h, codeword), _silhouettes(filed.h, clusters)
    table = filed.table.assign(dataset=filed.dataset, method=filed.method, codeword=codeword, shown=shown)
    table = table.assign(x=picture[:, 0], y=picture[:, 1], codewords_in_use=in_use)
    table = table.assign(**dict(zip(SILHOUETTES, (*by_codeword, *by_cluster), strict=True)))
    return table[["dataset", "method", *(name for name in table if name not in ("dataset", "method"))]]


def _frequent(group: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Rows ``(R,)`` of the most frequent groups; the lower group first where two are alike."""
    names, counts = np.unique(group, return_counts=True)
    return np.isin(group, names[np.argsort(-counts, kind="stable")][:SHOWN])


def _silhouettes(h: NDArray[np.float64], group: NDArray[np.integer]) -> tuple[float, float]:
    """Of all rows, and of those of the most frequent groups; NaN where fewer than two groups have a row."""
    shown = _frequent(group)
    return _silhouette(h, group), _silhouette(h[shown], group[shown])


def _silhouette(h: NDArray[np.float64], group: NDArray[np.integer]) -> float:
    from sklearn.metrics import silhouette_score  # noqa: PLC0415 - see above

    if not 2 <= len(np.unique(group)) < len(group):
        return float("nan")
    return round(float(silhouette_score(h, group)), 4)


def _panel(axes: Axes, part: pd.DataFrame, shown: list[int]) -> None:
    rest = part[~part["shown"]]
    axes.scatter(rest["x"], rest["y"], s=4, color=LIGHT, linewidths=0)
    for place, codeword in enumerate(shown):
        own = part[part["codeword"] == codeword]
        axes.scatter(
            *(own["x"], own["y"]),
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
