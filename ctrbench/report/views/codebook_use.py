"""How much of its codebook a method uses, epoch by epoch: whether AQCL's balanced assignment (eq. 4) keeps it alive."""

from typing import TYPE_CHECKING

from ctrbench.errors import NothingToShowError
from ctrbench.planning.settings import setting
from ctrbench.recipe.row_key import RowKey
from ctrbench.report.frame import Frame, Value
from ctrbench.report.select import ReportData, ReportRow
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.style import COLOURS, DASHES, MARKERS, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEPT = "kept"
"""Shown instead of an epoch's number: each seed's epoch whose weights are kept."""
PARTS = {
    "alive": "share of codewords nearest to some row",
    "perplexity": "perplexity (codewords)",
    "turned": "1 - cosine of a codeword to its start",
}
"""Parts of the method's loss -> label of their axis."""
PLACE = ("dataset", "backbone", "method", "variant")
COLUMNS = (*PLACE, "codewords", "part", "epoch", "seeds", "mean", "low", "high")


class CodebookUse(View):
    """See the module's docstring."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One row per dataset, backbone, method, variant, part and epoch, and for the kept one: mean and range over
        seeds. For reading, the first epoch and the kept one."""
        frame = _frame(data)
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data),
                source=frame,
                shown=frame.where(epoch=("1", KEPT)),
                reading=(
                    "Mean over the batches of an epoch; in numbers, kept is each seed's epoch whose weights the run "
                    "keeps. Line: mean over the seeds that reached the epoch (a hollow mark: not all of them), band: "
                    "their range. Perplexity = exp of the entropy of the codewords' shares of a batch."
                ),
                draw=draw,
            )
        ]


def _frame(data: ReportData) -> Frame:
    values: dict[tuple[str, ...], list[float]] = {}
    sizes: dict[tuple[str, ...], Value] = {}
    for rows in _rows(data).values():
        key = rows[0].key
        for row in rows:
            known = data.defaults.of(row.record.backbone, row.record.method)["method"]
            if "codewords" in known:
                sizes[_place(key)] = setting(row.record.config, "method", "codewords", data.defaults)
        epochs = [(str(epoch.epoch), epoch) for row in rows for epoch in row.record.epochs]
        epochs += [(KEPT, row.record.kept_look) for row in rows]
        for when, epoch in epochs:
            for part in PARTS:
                if part in epoch.parts:
                    place = *_place(key), part, when
                    values.setdefault(place, []).append(epoch.parts[part])
    if not values:
        recipe = data.recipe
        raise NothingToShowError(
            f"{recipe.name}: no run logged codebook usage; methods with a codebook do: {recipe.command('run')}"
        )
    return Frame.of(
        COLUMNS,
        [
            (*place[:-2], sizes.get(place[:-2]), *place[-2:], len(own), sum(own) / len(own), min(own), max(own))
            for place, own in values.items()
        ],
    )


def _rows(data: ReportData) -> dict[tuple[str, ...], list[ReportRow]]:
    """Rows of each dataset, backbone, method and variant."""
    found: dict[tuple[str, ...], list[ReportRow]] = {}
    for row in data.rows:
        found.setdefault(_place(row.key), []).append(row)
    return found


def _place(key: RowKey) -> tuple[str, ...]:
    return key.dataset, key.backbone, key.method, key.variant or ""


def draw(frame: Frame) -> "Figure":
    """The share of codewords alive, the perplexity, and how far codewords turned; one line per dataset and variant."""
    table = frame.pandas()
    logged = {part: label for part, label in PARTS.items() if part in set(table["part"])}
    figure, grid = panels(1, len(logged))
    for axes, (part, label) in zip(grid[0], logged.items(), strict=True):
        own = table[(table["part"] == part) & (table["epoch"] != KEPT)].astype({"epoch": int})
        for place, (names, line) in enumerate(own.groupby([*PLACE], sort=False)):
            _line(axes, line, place, ", ".join(filter(None, map(str, names))))
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
    _scale(grid[0, 0], 1.0, "every codeword")
    _scale(grid[0, 1], float(table["codewords"].max()), "all codewords alike")
    grid[0, 0].legend(loc="lower right")
    return figure


def _scale(axes: "Axes", largest: float, name: str) -> None:
    """Scales the axis from 0 to the largest possible value, which a line marks."""
    axes.axhline(largest, color="#404040", linewidth=0.9, linestyle=(0, (1, 2)))
    axes.annotate(
        name,
        (0.99, largest),
        (0, 2),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        ha="right",
        fontsize=7,
    )
    axes.set_ylim(0, 1.1 * largest)


def _line(axes: "Axes", line: "pd.DataFrame", place: int, label: str) -> None:
    colour, dashes = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
    marker = MARKERS[place % len(MARKERS)]
    axes.fill_between(line["epoch"], line["low"], line["high"], color=colour, alpha=0.18, linewidth=0)
    axes.plot(line["epoch"], line["mean"], color=colour, linestyle=dashes)
    whole = line["seeds"] == line["seeds"].max()
    for part, fill in ((line[whole], colour), (line[~whole], "white")):
        axes.plot(part["epoch"], part["mean"], color=colour, marker=marker, linestyle="none", markerfacecolor=fill)
    axes.plot([], [], color=colour, linestyle=dashes, marker=marker, label=label)
