"""The start of a report: one line per method, significant differences elsewhere, and warnings."""

from collections.abc import Iterable, Sequence

from ctrbench.metrics import METRICS
from ctrbench.metrics.base import Metric
from ctrbench.metrics.groups import OVERALL
from ctrbench.report.cells import Cell
from ctrbench.report.frame import Column, Frame, Level, Value
from ctrbench.report.select import ReportData
from ctrbench.report.statistics import tasks_of
from ctrbench.report.verdicts import FEW_SEEDS, SIGNIFICANT
from ctrbench.report.views.base import ViewData
from ctrbench.report.views.grouped import BETTER, Section, count, groups_of, sections

KIND = "summary"


def summary(data: ReportData, metrics: Sequence[str], by: str) -> list[ViewData]:
    """One table per dataset, backbone and task: the first metric over all rows, one line per method.

    The sentence below a table tells what the other metrics and groups say.

    Raises:
        CtrbenchError: as :func:`ctrbench.report.statistics.cells`.
    """
    registered = [METRICS.get(name) for name in metrics]
    by_metric = [list(sections(data, metric, by, tasks_of(data))) for metric in registered]
    first = registered[0]
    return [
        ViewData(
            kind=KIND,
            title=f"{first.label} of all rows ({BETTER[first.direction]})",
            source=_frame(same[0], first, data.recipe.publisher).without_empty_columns(),
            reading=_beyond(list(zip(registered, same, strict=True)), data.recipe.base),
            section=same[0].title,
            cells_of=(first.name, by),
            place=same[0].place,
        )
        for same in zip(*by_metric, strict=True)
    ]


def caution(cells: Iterable[Cell]) -> str | None:
    """A warning if comparisons rest on few seeds, else None."""
    pairs = min((cell.pairs for cell in cells if cell.p is not None), default=FEW_SEEDS)
    if pairs >= FEW_SEEDS:
        return None
    return (
        f"some comparisons rest on {count(pairs)}; with fewer than {FEW_SEEDS}, p values and verdicts may turn with "
        "one seed more"
    )


def _frame(section: Section, metric: type[Metric], publisher: str) -> Frame:
    own = [cell for cell in section.of(metric.name) if cell.column == OVERALL]
    references = [cell for cell in section.references if (cell.metric, cell.column) == (metric.name, OVERALL)]
    rows: list[tuple[Value, ...]] = [
        (
            *section.name(cell),
            None if cell.mean is None else Level(cell.mean, cell.std),
            cell.base_delta,
            cell.delta_interval,
            cell.verdict,
            cell.published,
            None if cell.published is None else cell.value_verdict,
            cell.agreement,
        )
        for cell in (*own, *references)
    ]
    columns = (
        *section.keys(),
        Column(metric.label, ".4f"),
        Column("change", "+.4f"),
        Column("95 % interval", "+.4f"),
        Column("verdict"),
        Column(publisher, ".4f"),
        Column("ours is"),
        Column("its change"),
    )
    return Frame(columns, tuple(rows))


def _beyond(sections: Sequence[tuple[type[Metric], Section]], base: str) -> str:
    """A sentence that says where a method differs from the base, in a group or in another metric."""
    if not any(cell.p is not None for metric, section in sections for cell in section.of(metric.name)):
        return ""
    found: dict[tuple[str, ...], list[str]] = {}
    for metric, section in sections:
        every = [group for group in groups_of(section.of(metric.name)) if group[0] != OVERALL]
        for row in dict.fromkeys(section.name(cell) for cell in section.of(metric.name)):
            for effect in ("improves", "hurts"):
                own = [c for c in section.of(metric.name) if section.name(c) == row and c.effect == effect]
                groups = [cell.group for cell in own if cell.column != OVERALL]
                named = [OVERALL] * (len(groups) < len(own))
                named += ["every group"] if every and len(groups) == len(every) else groups
                if named:
                    found.setdefault((*row, effect), []).append(f"{metric.label} ({', '.join(named)})")
    labels = ", ".join(metric.label for metric, _ in sections)
    if not found:
        return f"For no method is a difference to {base} shown (p < {SIGNIFICANT}) in any group ({labels})."
    texts = (f"{' '.join(names)} {', '.join(places)}" for names, places in found.items())
    return f"With p < {SIGNIFICANT} against {base}: {'; '.join(texts)}."
