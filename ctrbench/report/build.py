"""A report: summary, views and footer, ready for any format."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ctrbench.errors import CtrbenchError, NothingToShowError
from ctrbench.metrics.groups import OVERALL
from ctrbench.recipe.column import parse_column, within
from ctrbench.recipe.recipe import Recipe, ViewSpec
from ctrbench.recipe.row_key import RowKey
from ctrbench.report.against import variants_as_methods
from ctrbench.report.cells import Cell
from ctrbench.report.footer import Note, footer
from ctrbench.report.select import ReportData, select_data, select_rows
from ctrbench.report.statistics import merged
from ctrbench.report.summary import caution, summary
from ctrbench.report.views import VIEWS, needs_of, views_of
from ctrbench.report.views.base import BY, View, ViewData
from ctrbench.report.views.grouped import count

MISSING_NAMED = 6
"""Most missing jobs that a warning names one by one; the JSON names all."""


@dataclass(frozen=True)
class Report:
    """The content of a report, from which every format is written."""

    recipe: Recipe
    summary: tuple[ViewData, ...]
    """One table per dataset, backbone and task; empty if no view shows cells."""
    views: tuple[ViewData, ...]
    """The views in the recipe's order, but with the views of one section together."""
    notes: tuple[Note, ...]
    """The footer."""
    cells: tuple[Cell, ...] = ()
    """The cells that the tables of methods show."""
    missing: tuple[str, ...] = ()
    """Names of the jobs without a record."""
    how_much_is_missing: str | None = None
    """How many jobs are missing, without their names; None where every job is there."""
    incomplete: str | None = None
    """The same with names."""
    left_out: tuple[str, ...] = ()
    """Which views the records do not suffice for, and why, one sentence each."""
    caution: str | None = None
    """A warning if comparisons rest on few seeds, else None."""
    data: str = ""
    """One sentence below each picture: titles of the datasets, and their seeds or users."""

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return self.recipe.name

    @property
    def title(self) -> str:
        """Title of the recipe."""
        return self.recipe.title

    @property
    def drawn(self) -> list[ViewData]:
        """The views that have a picture."""
        return [view for view in self.views if view.draw]

    @property
    def warnings(self) -> list[str]:
        """Sentences about missing jobs and about comparisons on few seeds."""
        caution = [f"Caution: {self.caution}"] if self.caution else []
        return [*([self.incomplete] if self.incomplete else []), *self.left_out, *caution]

    def picture_name(self, view: ViewData) -> str | None:
        """Name without ending of a view's picture: the recipe's, with kind and number if several views are drawn."""
        drawn = self.drawn
        if not any(view is each for each in drawn):
            return None
        if len(drawn) == 1:
            return self.name
        alike = [each for each in drawn if each.kind == view.kind]
        number = next(place for place, each in enumerate(alike, 1) if each is view)
        return f"{self.name}-{view.kind}" + (f"-{number}" if number > 1 else "")

    @property
    def sections(self) -> dict[str, list[ViewData]]:
        """Heading -> views below it; views of the whole recipe have an empty heading."""
        found: dict[str, list[ViewData]] = {}
        for view in self.views:
            found.setdefault(view.section, []).append(view)
        return found


def find_report(recipe: Recipe, results: Path, data: Path, by: str | None = None) -> Report:
    """The report of a recipe, from the records that exist.

    Args:
        recipe: what to show.
        results: folder of the archive and the work folder.
        data: folder of prepared data; it may be empty.
        by: the column that cuts the rows in views that name no column; None for :data:`BY`.

    Raises:
        CtrbenchError: an unknown view, option, metric or task, records that suffice for none of the views, no finished
            job, or as :func:`ctrbench.report.select.select_rows`.
    """
    if by is not None and by != OVERALL:
        parse_column(within(by) or by)
    return build(find_data(recipe, results, data), by)


def find_data(recipe: Recipe, results: Path, data: Path) -> ReportData:
    """The data from which the views of a recipe are made.

    Raises:
        CtrbenchError: an unknown view, no finished job where one is needed, or as
            :func:`ctrbench.report.select.select_rows`.
    """
    needs = needs_of(recipe)
    if needs == "nothing":
        return ReportData(recipe)
    if needs == "references":
        return select_data(recipe, results, data)
    found = select_rows(recipe, results, data)
    if not found.rows:
        raise CtrbenchError(f"{recipe.name}: no finished run yet; start with {recipe.command('run')}")
    return variants_as_methods(found)


def build(data: ReportData, by: str | None = None) -> Report:
    """Makes a report from selected data.

    Raises:
        CtrbenchError: as :func:`find_report`.
    """
    recipe = data.recipe
    shown, left_out = _shown([_view(spec, recipe, by) for spec in views_of(recipe)], data)
    of_cells = list(dict.fromkeys(view.cells_of for view in shown if view.cells_of))
    cells = merged(data, of_cells)
    return Report(
        recipe=recipe,
        summary=tuple(_summary(data, of_cells)),
        views=tuple(shown),
        notes=tuple(footer(data, cells, dict.fromkeys([column for _, column in of_cells], None))),
        cells=tuple(cells),
        missing=data.missing,
        how_much_is_missing=how_much_is_missing(data),
        incomplete=incomplete(data),
        left_out=left_out,
        caution=caution(cells),
        data=_data(data),
    )


def _view(spec: ViewSpec, recipe: Recipe, by: str | None) -> View:
    own = spec if spec.by else spec.model_copy(update={"by": by or BY})
    return VIEWS.get(spec.kind)(own, recipe.name)


def _shown(views: Sequence[View], data: ReportData) -> tuple[list[ViewData], tuple[str, ...]]:
    """What the views show, and in a sentence for each reason which of them are left out.

    Raises:
        CtrbenchError: as :func:`find_report`.
    """
    shown: list[ViewData] = []
    causes: dict[str, list[str]] = {}
    for view in views:
        try:
            shown += view.show(data)
        except NothingToShowError as error:
            causes.setdefault(str(error), []).append(view.spec.kind)
    if causes and not shown:
        raise NothingToShowError("; ".join(causes))
    return shown, tuple(f"left out: {', '.join(dict.fromkeys(kinds))} ({cause})" for cause, kinds in causes.items())


def _summary(data: ReportData, of_cells: Sequence[tuple[str, str]]) -> list[ViewData]:
    """In the metrics of the first column by which rows are cut."""
    if not of_cells:
        return []
    by = of_cells[0][1]
    return summary(data, [metric for metric, column in of_cells if column == by], by)


def how_much_is_missing(data: ReportData) -> str | None:
    """How many jobs are missing, and of how many; None if no job is missing."""
    if not data.missing:
        return None
    finished = len({row.record.identity for row in data.rows} or {facts.dataset for facts in data.facts})
    what = "runs" if needs_of(data.recipe) == "runs" else "datasets"
    return f"{len(data.missing)} of {finished + len(data.missing)} {what} missing"


def incomplete(data: ReportData) -> str | None:
    """A sentence that names the missing jobs; None if no job is missing."""
    if not data.missing:
        return None
    named = "; ".join(data.missing[:MISSING_NAMED])
    more = f"; and {len(data.missing) - MISSING_NAMED} more" if len(data.missing) > MISSING_NAMED else ""
    return f"{how_much_is_missing(data)}: {named}{more}"


def _data(data: ReportData) -> str:
    seeds: dict[str, dict[RowKey, int]] = {}
    for row in data.rows:
        of_dataset = seeds.setdefault(row.key.dataset, {})
        of_dataset[row.key] = of_dataset.get(row.key, 0) + 1
    facts = {each.dataset: each for each in data.facts}
    texts = []
    for name in seeds or facts:
        own = facts[name]
        size = _span(seeds[name].values()) if seeds else f"{own.users:,} users"
        size += ", a world for each" * data.recipe.worlds
        texts.append(f"{name}: {own.title}, {size}{', simulated, never called reproduced' * own.synthetic}")
    return f"Data: {'; '.join(texts)}." if texts else ""


def _span(seeds: Collection[int]) -> str:
    """The numbers of seeds of some rows."""
    least, most = min(seeds), max(seeds)
    return count(most) if least == most else f"{least} to {count(most)}"
