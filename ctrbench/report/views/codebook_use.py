"""How much of its codebook a method uses, epoch by epoch: whether AQCL's balanced assignment (eq. 4) keeps it alive."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.record import RunRecord
from ctrbench.report.figures.base import Figure, Material
from ctrbench.report.figures.style import COLOURS, DASHES, MARKERS, panels

KEPT = "kept"
"""In place of the number of an epoch: each seed's epoch whose weights are kept."""
PARTS = {"alive": "share of codewords nearest to some row", "perplexity": "perplexity (codewords)"}
"""Parts of the method's loss -> label of their axis."""


class CodebookUse(Figure):
    """See the module's docstring."""

    reading = (
        "Mean over the batches of an epoch; in numbers, kept is each seed's epoch whose weights the run keeps. Line: "
        "mean over the seeds that reached the epoch (a hollow mark: not all of them), band: their range. Perplexity = "
        "exp of the entropy of the codewords' shares of a batch."
    )

    def frame(self, material: Material) -> pd.DataFrame:
        """One row per dataset, backbone, method, part and epoch, and for the kept one: mean and range over seeds."""
        rows = [
            (*place, part, when, epoch.parts[part])
            for place, records in _records(material).items()
            for when, epoch in (
                *((str(epoch.epoch), epoch) for record in records for epoch in record.epochs),
                *((KEPT, record.epochs[record.best_epoch - 1]) for record in records),
            )
            for part in PARTS
            if part in epoch.parts
        ]
        if not rows:
            name = material.spec.name
            raise CtrbenchError(f"{name}: no finished run tells the use of a codebook; aqcl does: ctrbench run {name}")
        keys = ["dataset", "backbone", "method", "part", "epoch"]
        values = pd.DataFrame(rows, columns=[*keys, "value"]).groupby(keys, sort=False)["value"]
        found = values.agg(seeds="count", mean="mean", low="min", high="max").reset_index()
        size = {entry.cell.dataset: entry.record.config.method_settings.get("codewords") for entry in material.entries
                if entry.record.config.method_settings.get("codewords")}  # fmt: skip
        found.insert(3, "codewords", found["dataset"].map(size))
        return found

    def summary(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The first epoch and the kept one."""
        return frame[frame["epoch"].isin(["1", KEPT])].reset_index(drop=True)

    def draw(self, frame: pd.DataFrame) -> Drawing:
        """Left the share that is alive, right the perplexity; one line per dataset."""
        figure, grid = panels(1, len(PARTS))
        for axes, (part, label) in zip(grid[0], PARTS.items(), strict=True):
            own = frame[(frame["part"] == part) & (frame["epoch"] != KEPT)].astype({"epoch": int})
            for place, (names, line) in enumerate(own.groupby(["dataset", "backbone", "method"], sort=False)):
                _line(axes, line, place, ", ".join(map(str, names)))
            axes.set(xlabel="epoch", ylabel=label)
            axes.xaxis.get_major_locator().set_params(integer=True)
        _scale(grid[0, 0], 1.0, "every codeword")
        _scale(grid[0, 1], float(frame["codewords"].max()), "all codewords alike")
        grid[0, 0].legend(loc="lower right")
        return figure


def _records(material: Material) -> dict[tuple[str, str, str], list[RunRecord]]:
    """Records of each dataset, backbone and method."""
    found: dict[tuple[str, str, str], list[RunRecord]] = {}
    for entry in material.entries:
        found.setdefault((entry.cell.dataset, entry.cell.backbone, entry.cell.method), []).append(entry.record)
    return found


def _scale(axes: Axes, largest: float, name: str) -> None:
    """From nothing to the most that is possible, which a line marks."""
    axes.axhline(largest, color="#404040", linewidth=0.9, linestyle=(0, (1, 2)))
    axes.annotate(name, (0.99, largest), (0, 2), xycoords=axes.get_yaxis_transform(), textcoords="offset points",
                  ha="right", fontsize=7)  # fmt: skip
    axes.set_ylim(0, 1.1 * largest)


def _line(axes: Axes, line: pd.DataFrame, place: int, label: str) -> None:
    colour = COLOURS[place % len(COLOURS)]
    axes.fill_between(line["epoch"], line["low"], line["high"], color=colour, alpha=0.18, linewidth=0)
    axes.plot(line["epoch"], line["mean"], color=colour, linestyle=DASHES[place % len(DASHES)])
    whole = line["seeds"] == line["seeds"].max()
    for part, fill in ((line[whole], colour), (line[~whole], "white")):
        axes.plot(part["epoch"], part["mean"], color=colour, marker=MARKERS[place % len(MARKERS)], linestyle="none",
                  markerfacecolor=fill)  # fmt: skip
    axes.plot(
        [], [], color=colour, linestyle=DASHES[place % len(DASHES)], marker=MARKERS[place % len(MARKERS)], label=label
    )
