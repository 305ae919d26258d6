"""Pages whose numbers are generated from the archive: the text between two HTML comments is replaced in place.

| marker | is replaced by |
|---|---|
| ``<!-- cell: RECIPE method=aqcl field=base_delta -->…<!-- /cell -->`` | a field of one cell |
| ``<!-- count: RECIPE metric=auc value_verdict=lower -->…<!-- /count -->`` | the number of such cells |
| ``<!-- value: RECIPE view=KIND column=NAME method=aqcl -->…<!-- /value -->`` | a number of one row of a view |
| ``<!-- best: RECIPE dataset=… backbone=… method=… setting=PATH -->…<!-- /best -->`` | a best setting of a search |
| ``<!-- table: RECIPE view=KIND dataset=… -->…<!-- /table -->`` | a view: rows by any column, ``columns=A,B`` |
| ``<!-- given: RECIPE dataset=… -->`` | nothing: what later markers on the page need not repeat |

``KEY=VALUE`` pairs are written as in a shell: ``variant="one penalty, w 0.05"``. ``format=.2f`` is a format
specification, ``abs=yes`` drops the sign, and ``minus.KEY=VALUE`` subtracts the same field of the cell with these other
keys. Cells are chosen by dataset, backbone, method, variant, task, group (``overall``), metric (the recipe's first) and
by (``activeness``); ``among=0,2-4`` computes them from these seeds alone.
"""

import difflib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ctrbench import places
from ctrbench.errors import CtrbenchError
from ctrbench.files import read_toml
from ctrbench.metrics import METRICS
from ctrbench.metrics.groups import OVERALL
from ctrbench.metrics.significance import Interval
from ctrbench.recipe.read import read_recipe
from ctrbench.registry import unknown
from ctrbench.report.build import Report, build, find_data
from ctrbench.report.cells import Cell
from ctrbench.report.frame import Column, Frame
from ctrbench.report.render.markdown import table
from ctrbench.report.select import ReportData
from ctrbench.report.statistics import cells
from ctrbench.report.views.base import BY, ViewData
from ctrbench.store.best_settings import BestSettings, best_settings_path

FORMATS = {
    "mean": ".4f",
    "std": ".4f",
    "interval": ".4f",
    "base_delta": "+.4f",
    "delta_interval": "+.4f",
    "p": ".3f",
    "published": ".4f",
    "published_delta": "+.4f",
    "off_by": "+.4f",
    "seeds": "d",
    "value_verdict": "",
    "effect": "",
    "verdict": "",
    "agreement": "",
    "detectable": ".4f",
    "seeds_to_decide": "d",
}
"""Field of a cell -> its format unless the marker gives one."""
KEYS = ("dataset", "backbone", "method", "variant", "task", "group", "metric")
"""Keys by which a cell is chosen."""
VERDICTS = ("value_verdict", "effect", "agreement")
"""Further keys by which cells are counted."""
RECIPE, MINUS = "recipe", "minus."

_MARKER = re.compile(r"<!-- (?P<kind>cell|count|value|best|table|given):(?P<words>.*?)-->", re.DOTALL)

Words = dict[str, str]


@dataclass
class Pages:
    """Regenerates pages from the archive of a results folder alone; prepared data have no influence."""

    results: Path
    _data: dict[str, ReportData] = field(default_factory=dict)
    _reports: dict[str, Report] = field(default_factory=dict)

    def regenerate(self, text: str, where: str) -> str:
        """A page with the text between its markers regenerated.

        Raises:
            CtrbenchError: a marker is malformed, matches nothing or several things, or is not closed.
        """
        parts: list[str] = []
        given: Words = {}
        end = 0
        for match in _MARKER.finditer(text):
            if match.start() < end:
                continue
            place = f"{where}, line {text.count(chr(10), 0, match.start()) + 1}"
            kind, own = match["kind"], _words(match["words"], place)
            if kind == "given":
                given = own
                continue
            closing = f"<!-- /{kind} -->"
            if (close := text.find(closing, match.end())) < 0:
                raise CtrbenchError(f"{place}: {kind} is not closed; write {closing} after it")
            try:
                made = self._made(kind, given, own)
            except CtrbenchError as error:
                raise CtrbenchError(f"{place}: {error}") from None
            parts += [text[end : match.end()], made]
            end = close
        return "".join([*parts, text[end:]])

    def _made(self, kind: str, given: Words, own: Words) -> str:
        words = {**given, **own}
        if RECIPE not in words:
            raise CtrbenchError(f"{kind} names no recipe")
        name = words.pop(RECIPE)
        if kind == "cell":
            return self._cell(name, words)
        if kind == "count":
            return str(len(list(_matching(self._cells(name, words), words))))
        if kind == "best":
            return self._best(name, words)
        # A view has names of its own; not every name that the page gives must be one of them.
        view = self._view(name, words)
        if kind == "table":
            return f"\n\n{table(_chosen(view, own))}\n\n"
        return _value(view, {key: value for key, value in words.items() if key in own or key in view.short.names})

    def _cell(self, name: str, words: Words) -> str:
        asked = words.get("field", "mean")
        if asked not in FORMATS:
            raise unknown("field of a cell", asked, FORMATS)
        value = getattr(self._one_cell(name, words), asked)
        if other := {key.removeprefix(MINUS): text for key, text in words.items() if key.startswith(MINUS)}:
            beside = getattr(self._one_cell(other.get(RECIPE, name), {**words, **other}), asked)
            value = None if value is None or beside is None else value - beside
        form = FORMATS[asked] if not other else "+.4f"
        return _formatted(value, words, form)

    def _one_cell(self, name: str, words: Words) -> Cell:
        found = list(_matching(self._cells(name, words), {"group": OVERALL, **words}))
        if len(found) != 1:
            asked = ", ".join(f"{key}={words[key]}" for key in KEYS if key in words)
            raise CtrbenchError(f"{name} has {len(found) or 'no'} cells with {asked}, where one is wanted")
        return found[0]

    def _cells(self, name: str, words: Words) -> Sequence[Cell]:
        data = _among(self._rows(name), words["among"]) if "among" in words else self._rows(name)
        metric = words.get("metric", data.recipe.metrics[0])
        return [cell for cell in cells(data, _absolute(metric), words.get("by", BY)) if cell.metric == metric]

    def _best(self, name: str, words: Words) -> str:
        path = best_settings_path(self.results, name)
        if not path.exists():
            raise CtrbenchError(f"no settings of {name} were searched; run: {places.search_command(name)}")
        names = {key: words.get(key) for key in ("dataset", "backbone", "method")}
        settings = [
            result.settings for result in BestSettings.read(read_toml(path), str(path)).results if result.names == names
        ]
        if not settings or words.get("setting") not in settings[-1]:
            raise CtrbenchError(f"{path}: has no {words.get('setting')} of {' '.join(map(str, names.values()))}")
        return _formatted(settings[-1][words["setting"]], words, "")

    def _view(self, name: str, words: Words) -> ViewData:
        if name not in self._reports:
            self._reports[name] = build(self._rows(name))
        report, kind = self._reports[name], words.get("view", "summary")
        keys = {key: value for key, value in words.items() if key in ("dataset", "backbone", "task", "metric", "by")}
        shown = [
            view
            for view in (*report.summary, *report.views)
            if view.kind == kind and all(view.place.get(key, value) == value for key, value in keys.items())
        ]
        if len(shown) != 1:
            raise CtrbenchError(f"{name} has {len(shown) or 'no'} views {kind} with {keys}, where one is wanted")
        return shown[0]

    def _rows(self, name: str) -> ReportData:
        if name not in self._data:
            self._data[name] = find_data(read_recipe(name), self.results, self.results / "no data")
        return self._data[name]


def changes(before: str, after: str) -> list[int]:
    """Numbers of the lines of ``before`` that differ from ``after``."""
    old, new = before.splitlines(), after.splitlines()
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [
        line + 1 for tag, start, stop, _, _ in blocks if tag != "equal" for line in range(start, max(stop, start + 1))
    ]


def _among(data: ReportData, seeds: str) -> ReportData:
    """The rows of some seeds: ``SEED`` and ``FIRST-LAST``, with commas between."""
    ranges = [re.fullmatch(r"(\d+)(?:-(\d+))?", part) for part in seeds.split(",")]
    if not all(ranges):
        raise CtrbenchError(f"among={seeds}: want seeds, such as 0-4 or 0,2-4")
    ends = [(int(match[1]), int(match[2] or match[1])) for match in ranges if match]
    rows = tuple(row for row in data.rows if any(first <= row.record.seed <= last for first, last in ends))
    if not rows:
        raise CtrbenchError(f"{data.recipe.name} has no finished run with seeds {seeds}")
    return replace(data, rows=rows)


def _absolute(name: str) -> str:
    """The registered metric of a relative form; any other name is returned unchanged."""
    for metric in METRICS.usable().values():
        if metric.relative and metric.relative.name == name:
            return metric.name
    return name


def _words(text: str, place: str) -> Words:
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise CtrbenchError(f"{place}: {error} in {text.strip()!r}") from None
    words: Words = {}
    for number, part in enumerate(parts):
        key, equals, value = part.partition("=")
        if not equals and number:
            raise CtrbenchError(f"{place}: want KEY=VALUE, got {part!r}")
        words |= {key: value} if equals else {RECIPE: part}
    return words


def _matching(found: Sequence[Cell], words: Mapping[str, str]) -> Iterator[Cell]:
    """Cells with the values that a marker names; a reference row has neither a backbone nor a variant."""
    for cell in found:
        known = [key for key in KEYS if not (cell.is_reference and key in ("backbone", "variant"))]
        asked = [key for key in (*known, *VERDICTS) if key in words]
        if all(str(getattr(cell, key)) == words[key] for key in asked):
            yield cell


def _chosen(view: ViewData, words: Words) -> Frame:
    """The rows and columns of a view that a marker names; a column by which rows are chosen is left out."""
    frame = view.table
    by = {key: [value] for key, value in words.items() if key in frame.names}
    columns = words["columns"].split(",") if "columns" in words else [name for name in frame.names if name not in by]
    for name in columns:
        if name not in frame.names:
            raise unknown(f"column of view {view.kind}", name, frame.names)
    if not (chosen := frame.where(**by).only(columns)).rows:
        raise CtrbenchError(
            f"view {view.kind} has no row with {', '.join(f'{key}={own[0]}' for key, own in by.items())}"
        )
    return chosen


def _value(view: ViewData, words: Words) -> str:
    frame = view.short
    if (column := words.get("column", "")) not in frame.names:
        raise unknown(f"column of view {view.kind}", column, frame.names)
    rows = [
        record
        for record in frame.records()
        if all(str(record[key]) == value for key, value in words.items() if key in frame.names)
    ]
    if len(rows) != 1:
        raise CtrbenchError(f"view {view.kind} has {len(rows) or 'no'} such rows, where one is wanted")
    return _formatted(rows[0][column], words, ".4g")


def _formatted(value: object, words: Words, form: str) -> str:
    form = words.get("format", form)
    if words.get("abs") == "yes" and isinstance(value, int | float):
        value = abs(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return format(value, form)
    return Column("", form).text(value) if value is None or isinstance(value, str | Interval) else str(value)
