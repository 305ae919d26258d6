"""What a method changes in percent, beside what its paper reports of private models: C2AL, table 2 and figure 6.

Nothing of such a paper can be reproduced: its values stand beside ours and are compared with none of them.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ctrbench.errors import NothingToShowError
from ctrbench.metrics.base import Metric
from ctrbench.metrics.groups import OVERALL
from ctrbench.report.cells import Cell
from ctrbench.report.comparable import why_not_comparable
from ctrbench.report.frame import Column, Frame, Value
from ctrbench.report.published import PrivateChange, read_private
from ctrbench.report.select import ReportData
from ctrbench.report.statistics import cells
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.style import intervals, legend_above, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER = "paper"
CHANGE = ("change", "change_low", "change_high")
COLUMNS = (
    *(Column(name, is_key=True) for name in ("dataset", "task", "model", "group", "method")),
    *(Column("seeds"), *(Column(name, "+.3f", " %") for name in CHANGE)),
    *(Column("p", ".3f", is_probability=True), Column("verdict")),
    *(Column("published", "+.4g", " %"), Column("beside the paper")),
)
OTHER_DATA = "not comparable: private data"


class PrivateChanges(View):
    """See the module's docstring. One row per dataset, task, backbone, group and method, and one per model of the
    paper; values of the paper that are about groups stand in the rows of our groups."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One table per metric.

        Raises:
            NothingToShowError: no finished run of a method beside the base.
            CtrbenchError: a metric has no relative form.
        """
        found = []
        for metric in self.relative_metrics(data):
            assert metric.relative
            paper = read_private(data.recipe.published) if metric.name == "ne" else ()
            rows = tuple(row for task in self.tasks(data) for row in self._rows(data, metric, task, paper))
            if all(row[0] == PAPER for row in rows):
                raise NothingToShowError(f"{data.recipe.name}: no finished run of a method beside {data.recipe.base}")
            found.append(
                ViewData(
                    kind=self.spec.kind,
                    title=self.title(data, metric),
                    source=Frame(COLUMNS, rows).without_empty_columns(),
                    reading=_reading(metric, data.recipe.base),
                    draw=partial(draw, label=metric.relative.label),
                    place={"metric": metric.name, "by": self.by},
                )
            )
        return found

    def _rows(
        self, data: ReportData, metric: type[Metric], task: str, paper: Sequence[PrivateChange]
    ) -> Iterator[tuple[Value, ...]]:
        assert metric.relative
        facts = {row.key.dataset: row.facts for row in data.rows}
        for cell in cells(data, metric.name, self.by):
            if (cell.metric, cell.task) != (metric.relative.name, task) or cell.method == data.recipe.base:
                continue
            if cell.is_reference or cell.column != self.by:
                continue
            beside = next((each for each in paper if each.is_about(self.by, cell.group)), None)
            private = why_not_comparable(data.recipe.not_comparable, facts[cell.dataset])
            yield (*_of_cell(cell), *_beside(beside, private))
        for each in paper:
            if each.model and each.label == task and self.by == OVERALL:
                yield (PAPER, task, each.model, OVERALL, *(None,) * 7, *_beside(each, None))


def _of_cell(cell: Cell) -> tuple[Value, ...]:
    ends = (cell.delta_interval.low, cell.delta_interval.high) if cell.delta_interval else (None, None)
    method = f"{cell.method}, {cell.variant}" if cell.variant else cell.method
    place = cell.dataset, cell.task, cell.backbone, cell.group, method
    return (*place, cell.seeds, cell.base_delta, *ends, cell.p, cell.verdict)


def _beside(value: PrivateChange | None, why: str | None) -> tuple[Value, Value]:
    if value is None:
        return None, None
    return value.percent, f"not comparable: {why}" if why else OTHER_DATA


def _reading(metric: type[Metric], base: str) -> str:
    assert metric.relative
    return (
        f"A change is {metric.relative.label} against {base}; where the metric is an error, negative is better. The "
        "paper's models and data are private: its values stand beside ours, and are neither reproduced nor compared."
    )


def draw(frame: Frame, *, label: str) -> "Figure":
    """A panel per dataset and task: ours with 95 % intervals, the paper's values hollow."""
    table = frame.pandas()
    ours = table[table["dataset"] != PAPER]
    by = "model" if set(ours["group"]) == {OVERALL} else "group"
    table["line"] = table["method"] if by == "model" else table["model"] + ", " + table["method"]
    # The places of each panel: of our dataset, and of the models of the paper that have its task.
    panels_of = [
        (dataset, task, table[(table["task"] == task) & table["dataset"].isin([dataset, PAPER])])
        for dataset, task in dict.fromkeys(zip(ours["dataset"], ours["task"], strict=True))
    ]
    wide = max(3.6, 0.38 * max(own[by].nunique() for *_, own in panels_of) + 1.4)
    figure, grid = panels(1, len(panels_of), width=wide, height=3.4)
    for axes, (dataset, task, own) in zip(grid[0], panels_of, strict=True):
        _panel(axes, own, by)
        axes.set_title(f"{dataset}\n{task}", fontsize=8)
        axes.set_ylabel(f"{label} (%)")
    return figure


def _panel(axes: "Axes", own: "pd.DataFrame", by: str) -> None:
    names = list(dict.fromkeys(own[by]))
    axes.axhline(0, color="#404040", linewidth=0.9)
    ours = own[own["dataset"] != PAPER]
    lines = list(dict.fromkeys(ours["line"]))
    for place, line in enumerate(lines):
        part = ours[ours["line"] == line]
        x = [names.index(name) + 0.16 * (place - (len(lines) - 1) / 2) for name in part[by]]
        intervals(axes, x, part.reindex(columns=list(CHANGE)).astype(float), place, line)
    paper = own.reindex(columns=[by, "published"]).dropna().drop_duplicates()
    if len(paper):
        beside = 0.08 * len(lines) + 0.12 if by == "group" else 0
        x = [names.index(name) + beside for name in paper[by]]
        axes.plot(x, paper["published"], "o", color="#404040", fillstyle="none", label="paper, private")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.6, len(names) - 0.4)
    legend_above(axes)
