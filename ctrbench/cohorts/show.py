"""A discovery for people: tables for the terminal, sentences, and a figure."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctrbench.cohorts.discover import Discovery
from ctrbench.cohorts.divergence import NAMES
from ctrbench.errors import CtrbenchError
from ctrbench.recipe.cohort_file import FoundPair

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.table import Table

NAMED = {"divergent": "most divergent", "least": "least divergent", "random": "random, as large"}
SHOWN = 12
"""Most groups with a matrix in the terminal; with more, its rows would be wider than most terminals."""


def tables(found: Discovery) -> "Iterator[Table]":
    """The groups, the divergence of every pair, and the pairs that recipes may use."""
    yield _groups(found)
    if len(found.axis.groups) <= SHOWN:
        yield _matrix(found)
    yield _pairs(found)


def _groups(found: Discovery) -> "Table":
    from rich.table import Table  # noqa: PLC0415 - slow to import

    table = Table(title=f"{found.found.dataset}, axis {found.axis.expression}: cohorts on the search holdout")
    for name in ("", "cohort"):
        table.add_column(name)
    for name in ("rows", "share", "positive labels"):
        table.add_column(name, justify="right")
    total = max(found.rows.sum(), 1)
    for place, group in enumerate(found.axis.groups):
        rows = int(found.rows[place])
        ratio = f"{found.positives[place] / rows:.4f}" if rows else "-"
        share = f"{rows / total:.1%}" + ("" if found.eligible[place] else " (too few)")
        table.add_row(str(place + 1), group.name, f"{rows:,}", share, ratio if found.comparable else "not comparable")
    return table


def _matrix(found: Discovery) -> "Table":
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title="divergence, and in brackets the mean of shuffled cohorts")
    groups = range(len(found.axis.groups))
    for name in ("", *(str(place + 1) for place in groups)):
        table.add_column(name, justify="right")
    largest = np.nanmax(found.divergences) or 1.0
    for one in groups:
        cells = [Text(str(one + 1))]
        for other in groups:
            value = found.divergences[one, other]
            text = "" if one == other else f"{value:.3f} ({found.null[one, other]:.3f})"
            shade = 255 - int(150 * (0 if np.isnan(value) else value / largest))
            cells.append(Text(text, style=f"black on rgb(255,{shade},{shade})" if one != other else ""))
        table.add_row(*cells)
    return table


def _pairs(found: Discovery) -> "Table":
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="pairs that a recipe may use")
    for name in ("pair", "head", "tail"):
        table.add_column(name)
    for name in ("shares", "positive labels", "divergence", "shuffled", "p"):
        table.add_column(name, justify="right")
    for pair in found.found.pairs:
        ratios = f"{pair.head.positive_ratio:.4f} / {pair.tail.positive_ratio:.4f}"
        table.add_row(
            NAMED[pair.pair],
            pair.head.name,
            pair.tail.name,
            f"{pair.head.share:.1%} / {pair.tail.share:.1%}",
            ratios if found.comparable else "not comparable",
            f"{pair.divergence:.4f}",
            "-" if pair.null is None else f"{pair.null:.4f}",
            "-" if pair.p is None else f"{pair.p:.3f}",
        )
    return table


def sentences(found: Discovery, shuffles: int) -> Iterator[str]:
    """What the tables mean."""
    pair = found.found.pairs[0]
    yield f"divergence: {NAMES[found.found.divergence]}, of log predictions in {found.histograms.bins} bins"
    p = found.p[found.place(pair.head), found.place(pair.tail)]
    unit = " and ".join(dict.fromkeys("items" if source == "item" else "users" for source in found.axis.sources))
    sign = "<=" if p <= 1 / (1 + shuffles) else "="
    yield (
        f"head: {pair.head.name}; tail: {pair.tail.name}: the most divergent pair of large enough cohorts, "
        f"{_times(pair)} shuffled {unit} (p {sign} {p:.3g}, against the most divergent pair of each shuffle); head is "
        f"{found.found.head_is}"
    )
    if not found.comparable:
        yield (
            "positive labels: not comparable, since every positive of a user comes with its own sampled negatives: all "
            "cohorts of users have the same share"
        )


def _times(pair: FoundPair) -> str:
    return f"{pair.divergence / pair.null:.1f} times" if pair.null else "above"


def ending_of(figure: Path) -> str:
    """The ending of a figure's name, which says how it is drawn: png or svg.

    Raises:
        CtrbenchError: another ending.
    """
    from ctrbench.report.render.picture import METADATA  # noqa: PLC0415 - matplotlib is slow to import

    ending = figure.suffix.removeprefix(".")
    if ending not in METADATA:
        raise CtrbenchError(f"--figure: a figure ends in {' or '.join(f'.{known}' for known in METADATA)}")
    return ending


def picture(found: Discovery, ending: str) -> bytes:
    """The divergence of every pair as a heat map, and the predictions of head and tail (C2AL figure 3): png or svg."""
    from ctrbench.report.render.picture import drawn  # noqa: PLC0415 - matplotlib is slow to import

    title = f"Cohorts of {found.axis.expression}, {found.found.dataset}"
    note = f"{NAMES[found.found.divergence]}. Rows: the search holdout."
    return drawn(lambda: _drawing(found), ending, title=title, note=note)


def _drawing(found: Discovery) -> "Figure":
    from ctrbench.report.views.cohort_predictions import draw_pair, lines_of  # noqa: PLC0415
    from ctrbench.report.views.style import panels  # noqa: PLC0415

    figure, axes = panels(1, 2, width=4.6, height=3.8)
    _heat_map(axes[0, 0], found)
    draw_pair(axes[0, 1], lines_of(found.found, found.found.pairs[0]).pandas())
    axes[0, 1].set_title("predictions of the most divergent pair")
    return figure


def _heat_map(axes: "Axes", found: Discovery) -> None:
    groups = found.axis.groups
    shown = np.where(np.eye(len(groups), dtype=bool), np.nan, found.divergences)
    image = axes.imshow(shown, cmap="Reds", vmin=0)
    axes.figure.colorbar(image, ax=axes, shrink=0.8)
    axes.grid(visible=False)
    size = 7 if len(groups) <= SHOWN else 5
    axes.set_xticks(range(len(groups)), [group.name for group in groups], rotation=90, fontsize=size)
    axes.set_yticks(range(len(groups)), [group.name for group in groups], fontsize=size)
    axes.set_title(f"{found.found.divergence} divergence by {found.axis.expression}")
