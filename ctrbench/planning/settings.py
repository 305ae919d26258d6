"""The settings of a row's jobs: their paths, and the layers that decide their values. No torch.

The defaults say which paths exist, so that a report needs no class of a backbone or a method.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from ctrbench import places
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.recipe.space import Dimension
from ctrbench.registry import unknown
from ctrbench.store.defaults import Defaults
from ctrbench.store.identity import SECTIONS, JobConfig, Section, differing
from ctrbench.strict import Strict, is_plain
from ctrbench.training.settings import TrainingSettings

MODELS: dict[str, type[Strict]] = {"data": DataSettings, "training": TrainingSettings}
"""The settings classes that need no torch: every configuration is checked against them when it is built."""


def parse_setting_path(path: str, row: RowKey, defaults: Defaults) -> tuple[Section, str] | None:
    """Section and key that a setting's path names in a row; None where the row has no such setting.

    A path may begin with ``datasets.NAME.``, NAME without the changes that a dataset's name may carry.
    """
    if path.startswith("datasets."):
        scope = _scope(row)
        return parse_setting_path(path.removeprefix(scope), row, defaults) if path.startswith(scope) else None
    section, _, key = path.partition(".")
    if section in ("backbones", "methods"):
        name, _, key = key.partition(".")
        section = section.removesuffix("s")
        if name != getattr(row, section):
            return None
    if section not in SECTIONS:
        return None
    known = defaults.of(row.backbone, row.method)[section]
    return (section, key) if key in known else None


def check_paths(recipe: Recipe, rows: Iterable[RowKey], defaults: Defaults) -> None:
    """Checks that every path of ``--set``, of datasets, variants and the search space names a setting.

    The setting may belong to a row. Since recipes share sections and commands filter rows, it may also belong to a
    method or backbone without a row (``methods.NAME.KEY``), or to a shipped dataset without one (``datasets.NAME.``).

    Raises:
        CtrbenchError: a path names no setting; the error suggests the nearest path.
    """
    known = {path for row in rows for path in _paths(row, defaults)}
    settings = [*recipe.datasets.values(), *recipe.variants.values(), recipe.overrides]
    for path in (*itertools.chain(*settings), *(recipe.search.space if recipe.search else ())):
        anywhere = _unscoped(path)
        if path not in known and anywhere not in known and not _of_component(anywhere, defaults):
            near = {other for other in known if other.partition(".")[0] == path.partition(".")[0]} or known
            raise unknown("setting", path, near)


def _paths(row: RowKey, defaults: Defaults) -> Iterator[str]:
    names = {"backbone": f"backbones.{row.backbone}", "method": f"methods.{row.method}"}
    for section, known in defaults.of(row.backbone, row.method).items():
        for key in known:
            paths = [f"{section}.{key}", *([f"{names[section]}.{key}"] if section in names else [])]
            yield from paths
            yield from (_scope(row) + path for path in paths)


def _of_component(path: str, defaults: Defaults) -> bool:
    section, _, rest = path.partition(".")
    name, _, key = rest.partition(".")
    known = {"methods": defaults.methods, "backbones": defaults.backbones}.get(section, {})
    return key in known.get(name, {})


def _unscoped(path: str) -> str:
    """The path without the shipped dataset's name that it begins with."""
    scopes = (f"datasets.{card}." for card in places.cards())
    return path.removeprefix(next(filter(path.startswith, scopes), ""))


def _scope(row: RowKey) -> str:
    return f"datasets.{places.card_name(row.dataset)}."


def layered(
    recipe: Recipe, row: RowKey, best: Mapping[str, Any], defaults: Defaults, *, elsewhere: bool = False
) -> dict[Section, dict[str, Any]]:
    """The settings that are given for a row, by section: the recipe's sections, then the dataset's settings, the best
    settings of a search (``best``: path -> value), the variant's, ``--set``; later ones win. The cohorts of an axis
    follow from all of them; ``elsewhere``, in another world than that of the row's dataset, they are not held to the
    data on which they were found."""
    sections: dict[Section, dict[str, Any]] = {
        "data": dict(recipe.data),
        "training": dict(recipe.training),
        "backbone": dict(recipe.backbones.get(row.backbone, {})),
        "method": dict(recipe.methods.get(row.method, {})),
    }
    of_dataset, of_variant = recipe.datasets.get(row.dataset, {}), recipe.variants.get(row.variant, {})
    for path, value in itertools.chain(*(layer.items() for layer in (of_dataset, best, of_variant, recipe.overrides))):
        if place := parse_setting_path(path, row, defaults):
            sections[place[0]][place[1]] = value
    own = {**defaults.of(row.backbone, row.method)["method"], **sections["method"]}
    # A method that asks for the cohorts of an axis, unless they are given.
    if own.get("axis") and not own.get("head"):
        pair = own.get("pair", "divergent")
        sections["method"] |= recipe.cohorts_on(row.dataset, own["axis"], pair, elsewhere=elsewhere)
    return sections


def build_config(
    recipe: Recipe,
    row: RowKey,
    seed: int,
    best: Mapping[str, Any],
    defaults: Defaults,
    *,
    judged_on: Literal["test", "search_holdout"] = "test",
) -> JobConfig:
    """The configuration of one job.

    Raises:
        CtrbenchError: an unknown key, a value that JSON cannot hold, or a value of ``[data]`` or ``[training]`` of the
            wrong type.
    """
    dataset = recipe.world_of(row.dataset, seed) if judged_on == "test" else row.dataset
    given = layered(recipe, row, best, defaults, elsewhere=dataset != row.dataset)
    known = defaults.of(row.backbone, row.method)
    names = {"backbone": f"backbones.{row.backbone}", "method": f"methods.{row.method}"}
    for section, own in given.items():
        where = f"{recipe.name}: {names.get(section, section)}"
        for key, value in own.items():
            if key not in known[section]:
                raise CtrbenchError(f"{where}: {unknown('key', key, known[section])}")
            if not is_plain(value):
                raise CtrbenchError(
                    f"{where}: {key} = {value!r:.60}: want text, a finite number, true, false or a list"
                )
        if section in MODELS:
            # Unset keys stay out, so that a new setting changes no identity even before the file of defaults has it.
            given[section] = MODELS[section].read(own, where).model_dump(mode="json", exclude_unset=True)
    return JobConfig(
        **row.names | {"dataset": dataset},
        seed=seed,
        settings=differing(given, known),
        judged_on=judged_on,
        representations=recipe.representations if judged_on == "test" else 0,
        attention_rows=recipe.attention_rows if judged_on == "test" else 0,
    )


def space_of(recipe: Recipe, row: RowKey, defaults: Defaults) -> dict[str, Dimension]:
    """The part of a recipe's search space that is searched for a row; of two paths of one setting, the one that is
    restricted to the row's dataset. Empty for a recipe without a search."""
    if not recipe.search:
        return {}
    space, own_only = recipe.search.space, recipe.keeps_base(row.method)
    chosen: dict[tuple[Section, str], str] = {}
    for path in sorted(space, key=lambda path: path.startswith("datasets.")):
        place = parse_setting_path(path, row, defaults)
        if place and (place[0] == "method" or not own_only):
            chosen[place] = path
    return {path: dimension for path, dimension in space.items() if path in chosen.values()}


def setting(config: JobConfig, section: Section, key: str, defaults: Defaults) -> Any:
    """A setting's value in a job: from the configuration, else its default."""
    own = config.settings.get(section, {})
    return own[key] if key in own else defaults.of(config.backbone, config.method)[section][key]


def full_settings(config: JobConfig, defaults: Defaults) -> dict[Section, dict[str, Any]]:
    """Every setting of a job, by section."""
    known = defaults.of(config.backbone, config.method)
    return {section: {**known[section], **config.settings.get(section, {})} for section in SECTIONS}
