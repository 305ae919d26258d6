"""What runs logged beside their loss, look by look: the frame and the lines that several views share."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from ctrbench.recipe.row_key import RowKey
from ctrbench.report.frame import Frame, Value
from ctrbench.report.select import ReportData, ReportRow
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.style import COLOURS, DASHES, MARKERS
from ctrbench.training.history import EpochMetrics

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEPT = "kept"
"""Shown instead of a look's number: each seed's look whose weights are kept."""
PLACE = ("dataset", "backbone", "method", "variant")
NUMBERS = ("part", "epoch", "seeds", "mean", "low", "high")
READING = (
    "in numbers, kept is each seed's look whose weights the run keeps. Line: mean over the seeds that reached the look "
    "(a hollow mark: not all of them), band: their range."
)


class LoggedParts(View):
    """Base class of a view of logged parts: one row per dataset, backbone, method, variant, part and look, and for the
    kept one. For reading, the first look and the kept one."""

    of_look: ClassVar[str] = "Mean over the batches since the look before"
    """What a value of a look is, before :data:`READING`."""

    @abstractmethod
    def note(self, data: ReportData) -> str:
        """What the parts mean, after :data:`READING`."""

    @abstractmethod
    def frame(self, data: ReportData) -> Frame:
        """The result of :func:`logged_parts`.

        Raises:
            NothingToShowError: no run logged these parts.
        """

    @staticmethod
    @abstractmethod
    def draw(frame: Frame) -> "Figure":
        """The picture."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One view of all runs."""
        frame = self.frame(data)
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data),
                source=frame,
                shown=frame.where(epoch=("1", KEPT)),
                reading=f"{self.of_look}; {READING} {self.note(data)}",
                draw=self.draw,
            )
        ]


def logged_parts(
    data: ReportData,
    logged: Callable[[EpochMetrics], Mapping[str, float]],
    beside: Callable[[ReportRow], tuple[Value, ...]] = lambda _: (),
    columns: tuple[str, ...] = (),
) -> Frame:
    """One row per dataset, backbone, method, variant, part and look, and for the kept one: mean and range over seeds.

    Args:
        data: selected records.
        logged: a look -> what is shown of it, by name.
        beside: the values in ``columns`` of each dataset, backbone, method and variant.
        columns: more columns, after :data:`PLACE`.
    """
    values: dict[tuple[str, ...], list[float]] = {}
    more: dict[tuple[str, ...], tuple[Value, ...]] = {}
    for place, rows in _rows(data).items():
        more[place] = beside(rows[0])
        models = [model for row in rows for model in row.record.models]
        looks = [(str(epoch.epoch), epoch) for model in models for epoch in model.epochs]
        looks += [(KEPT, model.kept_look) for model in models]
        for when, look in looks:
            for part, value in logged(look).items():
                values.setdefault((*place, part, when), []).append(value)
    return Frame.of(
        (*PLACE, *columns, *NUMBERS),
        [
            (*place[:-2], *more[place[:-2]], *place[-2:], len(own), sum(own) / len(own), min(own), max(own))
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


def draw_part(axes: "Axes", table: "pd.DataFrame", part: str, label: str) -> None:
    """One panel: a part by look, a line per dataset, backbone, method and variant."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - slow to import, and a table needs none of it

    own = table[(table["part"] == part) & (table["epoch"] != KEPT)].astype({"epoch": int})
    for number, (names, line) in enumerate(own.groupby([*PLACE], sort=False)):
        _line(axes, line, number, ", ".join(filter(None, map(str, names))))
    axes.set(xlabel="look", ylabel=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _line(axes: "Axes", line: "pd.DataFrame", place: int, label: str) -> None:
    colour, dashes = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
    marker = MARKERS[place % len(MARKERS)]
    axes.fill_between(line["epoch"], line["low"], line["high"], color=colour, alpha=0.18, linewidth=0)
    axes.plot(line["epoch"], line["mean"], color=colour, linestyle=dashes)
    whole = line["seeds"] == line["seeds"].max()
    for part, fill in ((line[whole], colour), (line[~whole], "white")):
        axes.plot(part["epoch"], part["mean"], color=colour, marker=marker, linestyle="none", markerfacecolor=fill)
    axes.plot([], [], color=colour, linestyle=dashes, marker=marker, label=label)
