"""What a recipe says of the table it answers to, and the records that fill the table."""

from pathlib import Path

from pydantic import Field

from ctrbench.data.schema import MANIFEST, Manifest, read_manifest
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.found import read_found
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.plan import (
    CATALOGUE,
    Catalogue,
    admitted,
    check_paths,
    dataset_names,
    found_settings,
    resolve,
)
from ctrbench.experiments.recipe import Recipe
from ctrbench.experiments.record import ReferenceRecord, RunRecord
from ctrbench.experiments.status import aside_line, left_aside
from ctrbench.strict import Strict


class TableSpec(Strict):
    """A table: which records belong together, and which published values lie beside them."""

    name: str
    """Of the recipe."""
    title: str
    paper: str | None = None
    """Citation in one line."""
    published: str | None = None
    """A file of ``ctrbench/published`` without its ending, such as ``aqcl_table2``; None where nothing is published."""
    label: str = "click"
    """The label that was trained and measured."""
    base: str = "plain"
    """The method that the others are compared with, on the same backbone."""
    search_trials: int = Field(0, ge=0)
    """Trials of the search of settings, the same number for every method of the table."""
    not_comparable: dict[str, str] = Field(default_factory=dict)
    """Dataset -> why its rows do not answer to the published ones (private data, other protocol)."""


def find_table(
    recipe: Recipe, results: Path, data: Path, catalogue: Catalogue = CATALOGUE
) -> tuple[TableSpec, list[RunRecord], list[ReferenceRecord], list[str]]:
    """The table of a recipe, and the records that fill it, chosen by configuration.

    Of a dataset that is prepared here, only records of that very data count; of another, those of the data for which
    most of the recipe's runs are finished.

    Returns:
        The table, its records, the records of its reference rows, and the runs that have none, in words.

    Raises:
        CtrbenchError: an unknown name or setting, settings that no search found, a damaged record, or finished runs of
            other data than is prepared here and none of this.
    """
    ledger = Ledger(results)
    manifests = {name: _manifest(data / name) for name in dataset_names(recipe, data)}
    configs = _configs(recipe, manifests, results, catalogue)
    label = configs[0].data.label if configs else TableSpec.model_fields["label"].default
    records: list[RunRecord] = []
    references: list[ReferenceRecord] = []
    missing: list[str] = []
    for name, manifest in manifests.items():
        wanted = [config for config in configs if config.dataset == name]
        fingerprint = manifest.fingerprint if manifest else _fullest(ledger, name, wanted)
        for config in wanted:
            if ledger.finished(identity := config.identity(fingerprint)):
                records.append(ledger.read(identity))
            else:
                missing.append(f"{name} {config.backbone} {config.method} seed {config.seed}")
        references += ledger.references(name, fingerprint, label)
    _refuse_changed_data(recipe, records, sum(left_aside(configs, m, ledger) for m in manifests.values() if m))
    spec = TableSpec(
        name=recipe.name,
        title=recipe.title,
        paper=recipe.paper,
        published=recipe.published,
        label=label,
        base=recipe.base,
        search_trials=recipe.search.trials if recipe.search else 0,
        not_comparable=recipe.not_comparable,
    )
    return spec, records, references, missing


def _manifest(folder: Path) -> Manifest | None:
    return read_manifest(folder) if (folder / MANIFEST).exists() else None


def _configs(
    recipe: Recipe, manifests: dict[str, Manifest | None], results: Path, catalogue: Catalogue
) -> list[RunConfig]:
    cells, refused = admitted(recipe, manifests, catalogue)
    check_paths(recipe, [*cells, *refused], catalogue)
    found = read_found(results, recipe.name)
    configs = []
    for cell in cells:
        settings = found_settings(recipe, cell, found, catalogue, manifests[cell.dataset])
        configs += [resolve(recipe, cell, seed, settings, catalogue) for seed in range(recipe.seeds)]
    return configs


def _refuse_changed_data(recipe: Recipe, records: list[RunRecord], aside: int) -> None:
    if aside and not records:
        raise CtrbenchError(f"{recipe.name}: {aside_line(aside)}; make them again with ctrbench run")


def _fullest(ledger: Ledger, dataset: str, configs: list[RunConfig]) -> str:
    newest = ledger.fingerprints(dataset)

    def rank(fingerprint: str) -> tuple[int, float]:
        return sum(ledger.finished(config.identity(fingerprint)) for config in configs), newest[fingerprint]

    return max(newest, key=rank, default="")
