"""What a method that trains on two cohorts changes over all rows and in each cohort, axis by axis: C2AL, table 1."""

from collections.abc import Iterator, Mapping

from ctrbench.errors import NothingToShowError
from ctrbench.metrics.base import Metric
from ctrbench.metrics.groups import OVERALL
from ctrbench.planning.settings import setting
from ctrbench.recipe.cohort_file import FoundCohorts, FoundPair
from ctrbench.report.cells import Cell
from ctrbench.report.comparable import why_not_comparable
from ctrbench.report.frame import Column, Frame, Value
from ctrbench.report.published import AxisValues, read_axes
from ctrbench.report.select import ReportData
from ctrbench.report.statistics import cells
from ctrbench.report.views.base import View, ViewData

PARTS = (OVERALL, "head", "tail")

COLUMNS = (
    *(Column(name, is_key=True) for name in ("dataset", "backbone", "axis", "rows", "cohort")),
    *(Column("divergence", ".4f"), Column("shuffled", ".4f"), Column("p shuffled", ".3f", is_probability=True)),
    *(Column("positives", ".2f", " %"), Column("seeds")),
    *(Column("change", "+.3f", " %"), Column("95 % interval", "+.3f"), Column("p", ".3f", is_probability=True)),
    *(Column("verdict"), Column("published", "+.2f", " %"), Column("published positives", ".2f", " %")),
    Column("beside the paper"),
)


class CohortAxes(View):
    """See the module's docstring. Three rows per dataset, backbone and axis, whose variant has the paper's name of it.

    The axis must be among the columns that a job measures, as every cohort column is.
    """

    def show(self, data: ReportData) -> list[ViewData]:
        """One table per metric and task.

        Raises:
            NothingToShowError: no finished job was trained on cohorts of the recipe's files.
            CtrbenchError: a metric has no relative form.
        """
        found = []
        for metric in self.relative_metrics(data):
            published = read_axes(data.recipe.published) if metric.name == "ne" else {}
            for task in self.tasks(data):
                rows = tuple(_rows(data, metric, task, published))
                if not rows:
                    raise NothingToShowError(f"{data.recipe.name}: no finished run was trained on cohorts of an axis")
                found.append(
                    ViewData(
                        kind=self.spec.kind,
                        title=self.title(data, metric, task),
                        source=Frame(COLUMNS, rows).without_empty_columns(),
                        reading=_reading(metric, data.recipe.base),
                        place={"metric": metric.name, "task": task},
                    )
                )
        return found


def _reading(metric: type[Metric], base: str) -> str:
    assert metric.relative
    return (
        f"A change is {metric.relative.label} against {base}, over all test rows and in the head and the tail of the "
        "axis; where the metric is an error, negative is better. The divergence of the two cohorts, its mean where "
        "cohorts are shuffled, and their shares of positives are those of the search holdout, on which the cohorts "
        "were found and their baseline, one run, was not trained. Its p is the share of shuffles with any pair as "
        "divergent: corrected for the pairs of an axis, not for the axes. The paper's data are private: its values "
        "stand beside ours and are not reproduced."
    )


def _rows(
    data: ReportData, metric: type[Metric], task: str, published: Mapping[str, AxisValues]
) -> Iterator[tuple[Value, ...]]:
    for (dataset, backbone, variant, method), (found, pair) in _trained(data).items():
        own = [
            cell
            for cell in cells(data, metric.name, found.axis)
            if (cell.dataset, cell.backbone, cell.variant, cell.method) == (dataset, backbone, variant, method)
            and cell.task == task
            and metric.relative
            and cell.metric == metric.relative.name
        ]
        name = variant or method
        paper = published.get(name)
        facts = next(row.facts for row in data.rows if row.key.dataset == dataset)
        private = why_not_comparable(data.recipe.not_comparable, facts)
        for part in PARTS:
            cohort = {"head": pair.head, "tail": pair.tail}.get(part)
            cell = next((each for each in own if each.group == (cohort.name if cohort else OVERALL)), None)
            yield (
                *(dataset, backbone, name, part, cohort.name if cohort else "all"),
                *((None, None, None) if cohort else (pair.divergence, pair.null, pair.p)),
                100 * cohort.positive_ratio if cohort else None,
                *_of_cell(cell),
                *((paper.change(part), paper.positives(part)) if paper else (None, None)),
                ("not comparable" if private else "other data") if paper else None,
            )


def _of_cell(cell: Cell | None) -> tuple[Value, ...]:
    if not cell:
        return None, None, None, None, None
    return cell.seeds, cell.base_delta, cell.delta_interval, cell.p, cell.verdict


def _trained(data: ReportData) -> dict[tuple[str, str, str, str], tuple[FoundCohorts, FoundPair]]:
    """Dataset, backbone, variant and method of the jobs that were trained on a pair of cohorts -> the pair."""
    found: dict[tuple[str, str, str, str], tuple[FoundCohorts, FoundPair]] = {}
    for row in data.rows:
        known = data.defaults.of(row.record.backbone, row.record.method)["method"]
        if "axis" not in known:
            continue
        own = {key: setting(row.record.config, "method", key, data.defaults) for key in known}
        axis, kind = own["axis"], own["pair"]
        if not any(own.get(key, 1) for key in ("head_weight", "tail_weight")):
            continue  # it trains on no cohort
        of_axis = data.recipe.found(row.key.dataset, axis)
        pair = of_axis.pair(kind) if of_axis else None
        if of_axis and pair:
            found[row.key.dataset, row.key.backbone, row.key.variant, row.key.method] = of_axis, pair
    return found
