"""A recipe's figure, found from its records: its frame, its note, and its files, if it is drawn."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.cell import CATALOGUE, Catalogue
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.recipe import Recipe
from ctrbench.experiments.record import DataFacts, ReferenceRecord
from ctrbench.experiments.tables import Entry, TableSpec, find_references, find_table, table_spec
from ctrbench.files import write_file
from ctrbench.report.build import incomplete
from ctrbench.report.figures import FIGURES
from ctrbench.report.figures.base import Exhibit, Figure, Material
from ctrbench.report.figures.style import RC, caption


@dataclass(frozen=True)
class Picture:
    """Everything that a file or a format writes down."""

    spec: TableSpec
    figure: Exhibit
    frame: pd.DataFrame
    note: str
    """How to read it, and which runs it is made of."""
    incomplete: str | None
    """What is missing, in one sentence."""

    @property
    def drawn(self) -> bool:
        """Whether there is a picture."""
        return isinstance(self.figure, Figure)

    @property
    def summary(self) -> pd.DataFrame:
        """The rows that are shown as a table."""
        return self.figure.summary(self.frame)


def find_picture(recipe: Recipe, results: Path, data: Path, catalogue: Catalogue = CATALOGUE) -> Picture:
    """The figure of a recipe, as far as its records go.

    Raises:
        CtrbenchError: no such figure, no record of it, or as :func:`ctrbench.experiments.tables.find_table`.
    """
    figure = FIGURES.get(recipe.figure or "")()
    ledger, spec = Ledger(results), table_spec(recipe)
    entries: Sequence[Entry] = ()
    references: Sequence[ReferenceRecord] = ()
    missing: Sequence[str] = ()
    if figure.needs == "runs":
        spec, entries, references, missing = find_table(recipe, results, data, catalogue)
    elif figure.needs == "references":
        references, missing = find_references(recipe, results, data)
    if figure.needs != "nothing" and not {"runs": entries, "references": references}[figure.needs]:
        raise CtrbenchError(
            f"{recipe.name}: none of its {figure.needs} is there; start with ctrbench run {recipe.name}"
        )
    material = Material(spec, recipe.variants, entries, references, ledger)
    finished = {entry.record.identity for entry in entries} or {record.dataset for record in references}
    lacking = incomplete(missing, len(finished), figure.needs)
    return Picture(spec, figure, figure.frame(material), _note(figure, material), lacking)


def save(picture: Picture, folder: Path) -> list[Path]:
    """Writes ``<recipe>.png``, ``.svg`` and ``.csv``, each whole; nothing of what is not drawn.

    The same records give the same bytes.

    Raises:
        CtrbenchError: the folder cannot be written.
    """
    files = render(picture)
    paths = [folder / f"{picture.spec.name}.{ending}" for ending in files]
    for path, content in zip(paths, files.values(), strict=True):
        write_file(path, content, option="--results")
    return paths


def render(picture: Picture) -> dict[str, bytes]:
    """Ending of a file -> its bytes; none of what is not drawn."""
    if not isinstance(picture.figure, Figure):
        return {}
    note = f"{picture.incomplete}. {picture.note}" if picture.incomplete else picture.note
    files = {}
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        drawing = picture.figure.draw(picture.frame)
        caption(drawing, picture.spec.title, note)
        for ending, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
            buffer = io.BytesIO()
            drawing.savefig(buffer, format=ending, metadata=metadata)
            files[ending] = buffer.getvalue()
    files["csv"] = as_csv(picture.frame).encode()
    return files


def as_csv(frame: pd.DataFrame) -> str:
    """Six digits, so that the last bits of a machine do not show."""
    return str(frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def _note(figure: Exhibit, material: Material) -> str:
    seeds: dict[str, set[int]] = {}
    facts: dict[str, DataFacts] = {record.dataset: record.data for record in material.references}
    for entry in material.entries:
        seeds.setdefault(entry.cell.dataset, set()).add(entry.record.config.seed)
        facts[entry.cell.dataset] = entry.record.data
    shown = {name: facts[name] for name in (seeds or facts)}
    texts = [_dataset(name, data, len(seeds.get(name, ()))) for name, data in shown.items()]
    return " ".join([figure.reading, *([f"Data: {'; '.join(texts)}."] if texts else [])])


def _dataset(name: str, data: DataFacts, seeds: int) -> str:
    count = f"{seeds} seed{'s' if seeds != 1 else ''}" if seeds else f"{data.users:,} users"
    return f"{name}: {data.title}, {count}{', simulated, never called reproduced' if data.synthetic else ''}"
