"""Which search a row's best settings come from. No torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ctrbench.data.schema import Manifest, digest
from ctrbench.errors import CtrbenchError
from ctrbench.planning.settings import build_config, space_of
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.store.best_settings import BestSettings, SearchResult
from ctrbench.store.defaults import Defaults
from ctrbench.store.identity import ALGORITHM_VERSION, Plugin, canonical

PluginsOf = Callable[[RowKey], Sequence[Plugin]]
"""The plug-ins of a row."""


class UnsearchedError(CtrbenchError):
    """A row needs best settings, and no matching search has been made."""


def basis(
    recipe: Recipe,
    row: RowKey,
    defaults: Defaults,
    plugins: Sequence[Plugin] = (),
    *,
    frozen: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """sha256 of everything but the data that decides a row's search: algorithm, code of plug-ins, settings that are
    not searched, space, effort.

    Args:
        recipe: the recipe.
        row: a row of its table.
        defaults: of every setting.
        plugins: of the row.
        frozen: the best settings of the base, for a row that keeps them.

    Raises:
        CtrbenchError: as :func:`ctrbench.planning.settings.build_config`.
    """
    if not recipe.search:
        return ""
    search = recipe.search.model_dump(mode="json", exclude_defaults=True)
    search["space"] = {path: search["space"][path] for path in space_of(recipe, row, defaults)}
    # The row's own effort: that of other datasets, and of the base for another row, is not its own.
    search.pop("trials_on", None)
    search.pop("base_trials", None)
    search["trials"] = recipe.search.budget(row.dataset, of_base=row.method == recipe.base)
    unset = recipe.model_copy(update={"overrides": {}, "variants": {}})
    config = build_config(unset, row, recipe.search.seed, frozen, defaults, judged_on="search_holdout")
    document: list[object] = [ALGORITHM_VERSION, config.model_dump(mode="json", exclude_defaults=True), search]
    codes = [plugin.model_dump(mode="json") for plugin in plugins]
    return digest(canonical(document + ([codes] if codes else [])))


def best_settings_of(
    recipe: Recipe,
    row: RowKey,
    known: BestSettings | None,
    defaults: Defaults,
    *,
    manifest: Manifest | None,
    plugins: PluginsOf = lambda _: (),
) -> dict[str, Any]:
    """The best settings of a row's search: path -> value; empty for a recipe without a search.

    Raises:
        UnsearchedError: as :func:`search_of`.
    """
    result = search_of(recipe, row, known, defaults, manifest=manifest, plugins=plugins)
    return result.settings if result else {}


def frozen_of(
    recipe: Recipe,
    row: RowKey,
    known: BestSettings | None,
    defaults: Defaults,
    *,
    manifest: Manifest | None,
    plugins: PluginsOf = lambda _: (),
) -> dict[str, Any]:
    """The best settings of the base, path -> value, for a row that keeps them; empty for other rows.

    Raises:
        UnsearchedError: as :func:`search_of`, of the base.
    """
    if not recipe.keeps_base(row.method):
        return {}
    base = replace(row, method=recipe.base)
    return best_settings_of(recipe, base, known, defaults, manifest=manifest, plugins=plugins)


def search_of(
    recipe: Recipe,
    row: RowKey,
    known: BestSettings | None,
    defaults: Defaults,
    *,
    manifest: Manifest | None,
    plugins: PluginsOf = lambda _: (),
) -> SearchResult | None:
    """The search of a row; None for a recipe without one.

    Args:
        recipe: the recipe, whose section ``[search]`` has the space.
        row: a row of its table.
        known: the results of all searches.
        defaults: of every setting.
        manifest: of the data to run on; None where they are not prepared here.
        plugins: of a row, with what identifies their code.

    Raises:
        UnsearchedError: the search is missing, or was made with other settings, another algorithm, other code of a
            plug-in, or other data.
    """
    if not recipe.search:
        return None
    frozen = frozen_of(recipe, row, known, defaults, manifest=manifest, plugins=plugins)
    own_basis = basis(recipe, row, defaults, plugins(row), frozen=frozen)
    if known and (result := known.of(row, own_basis, manifest)):
        return result
    entries = known.entries(row) if known else []
    if not entries:
        cause = f"no settings were searched for {row}"
    elif any(entry.basis == own_basis for entry in entries):
        cause = f"the settings of {row} were searched on other data"
    else:
        cause = f"the settings of {row} were searched with another recipe or another version of the algorithm"
    raise UnsearchedError(f"{recipe.name}: {cause}; run: {recipe.command('search')}")
