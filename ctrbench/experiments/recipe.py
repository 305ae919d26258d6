"""A recipe: one table or figure of a paper, as TOML."""

import math
import tomllib
from pathlib import Path
from typing import Any, Literal, Self, TypeGuard

import tomli_w
from pydantic import Field, field_validator, model_validator

from ctrbench import places
from ctrbench.errors import CtrbenchError
from ctrbench.files import write_file
from ctrbench.registry import unknown
from ctrbench.strict import Strict

ALL = "all"
"""In place of a name: every registered backbone or method, or every prepared dataset."""


COLLECTED = "recipes"
"""The key that tells the file of a :class:`ctrbench.experiments.collection.Collection` from a recipe's."""


EDGE = 0.05
"""Share of a dimension's range, on its scale, that counts as its end."""


class Dimension(Strict):
    """What a search may give one setting: ``{low, high, log}`` or ``{choices}``."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    """Draw from low to high on a logarithmic scale."""
    choices: tuple[Any, ...] = ()
    """Values of any type, all alike likely; a space of choices only is searched as a grid, without repeats."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        ends = (self.low, self.high)
        if bool(self.choices) == (None not in ends) or (self.choices and (self.log or ends != (None, None))):
            raise ValueError("a dimension is either {low, high} or {choices}")
        if self.low is not None and self.high is not None and not (0 if self.log else -1e308) < self.low < self.high:
            raise ValueError("low must be less than high, and above 0 where log is set")
        return self

    def probes(self) -> tuple[Any, ...]:
        """Values that a setting must take if it takes every value of the dimension: the choices, or the two ends and a
        number between that is not whole."""
        if self.low is None or self.high is None:
            return self.choices
        return self.low, self.high, math.nextafter(self.low, self.high)

    def on_edge(self, value: object) -> bool:
        """Whether a number lies where the space ends, so that a wider one may hold a better.

        That is the least or the greatest of the choices, or within :data:`EDGE` of the range from either end.
        """
        if not _is_number(value):
            return False
        if self.low is None or self.high is None:
            numbers = list(filter(_is_number, self.choices))
            return len(numbers) > 1 and value in (min(numbers), max(numbers))
        low, high, at = (math.log(end) if self.log else end for end in (self.low, self.high, value))
        return min(at - low, high - at) <= EDGE * (high - low)


class Search(Strict):
    """Section ``[search]``: settings chosen on validation, with equal effort for every method."""

    trials: int = Field(ge=1)
    """Per dataset, backbone and method. A method with fewer distinct points than this has all of them tried."""
    seed: int = Field(1000, ge=0)
    """Of the search, and of its runs; no seed of the table, so that no table row was chosen on its own noise."""
    objective: Literal["logloss", "auc"] = "logloss"
    """The validation figure at the kept epoch that decides: the lowest logloss or the highest AUC."""
    space: dict[str, Dimension] = Field(min_length=1)
    """Path of a setting (``training.penalty``, ``method.weight``) -> its values. A method that lacks the setting is
    searched over the rest."""


class Recipe(Strict):
    """What to run, with which settings, and which published values it answers to."""

    name: str = Field(pattern=r"^\w[\w .@=+-]*$")
    """The file's name without its ending, if left out; its report, figure and found settings lie under it."""
    title: str
    """Of the table."""
    paper: str | None = None
    """Citation in one line."""
    published: str | None = None
    """A file of ``ctrbench/published`` without its ending; its values stand beside ours."""
    datasets: dict[str, dict[str, Any]] = Field(min_length=1)
    """Names of prepared datasets, or a table ``[datasets.NAME]`` of settings (path -> value) for each; ``all`` adds
    those that are prepared."""
    backbones: dict[str, dict[str, Any]] = Field(min_length=1)
    """Names, or a table ``[backbones.NAME]`` of settings for each; ``all`` adds those that are not named."""
    methods: dict[str, dict[str, Any]] = Field(min_length=1)
    """Names, or a table ``[methods.NAME]`` of settings for each; ``all`` adds those that are not named."""
    variants: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Name -> settings (path -> value): every row is run once with each. They are laid over found settings, so what a
    search found for a row holds for all its variants."""
    base: str = "plain"
    """The method that the others are compared with; one of ``methods``."""
    figure: str | None = None
    """A name in :data:`ctrbench.report.figures.FIGURES`: what ``ctrbench report`` shows, and draws where there is
    something to draw, in place of a table of methods."""
    representations: int = Field(0, ge=0)
    """Test rows whose h is filed beside each record, for figures that show it."""
    seeds: int = Field(5, ge=1)
    """Number of seeds, counted from 0."""
    data: dict[str, Any] = Field(default_factory=dict)
    """Section ``[data]``: :class:`ctrbench.data.settings.DataSettings`."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Section ``[training]``: :class:`ctrbench.training.settings.TrainingSettings`."""
    search: Search | None = None
    """``ctrbench search`` must then come before ``ctrbench run``."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """What ``--set`` gave: path -> value. It is laid over everything else, found settings included."""
    not_comparable: dict[str, str] = Field(default_factory=dict)
    """Dataset -> why its rows do not answer to the published ones."""

    @field_validator("datasets", "backbones", "methods", mode="before")
    @classmethod
    def _names_alone(cls, value: object) -> object:
        return {name: {} for name in value} if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.base not in self.methods and ALL not in self.methods:
            raise ValueError(f"base {self.base!r} is not one of the methods")
        if "" in self.variants:
            raise ValueError("a variant needs a name")
        if self.search and self.search.seed < self.seeds:
            raise ValueError(f"search.seed {self.search.seed} is one of the table's seeds 0 to {self.seeds - 1}")
        return self


def recipe_names() -> list[str]:
    """Names of the recipes that ship with the package, without its collections."""
    paths = places.shipped("recipes").glob("*.toml")
    return sorted(path.stem for path in paths if COLLECTED not in read_document(path))


def recipe_path(name: str, folder: Path = Path()) -> Path:
    """The file of a shipped recipe's or collection's name, or of a path that ends in ``.toml``, seen from ``folder``.

    Raises:
        CtrbenchError: no such recipe.
    """
    path = folder / name if name.endswith(".toml") else places.shipped("recipes") / f"{name}.toml"
    if path.is_file():
        return path
    if name.endswith(".toml"):
        raise CtrbenchError(f"{path}: no such recipe file")
    raise unknown("recipe", name, recipe_names())


def read_recipe(name: str | Path) -> Recipe:
    """Reads a shipped recipe by name, or any by the path of its ``.toml`` file.

    One with ``like = "NAME"`` takes from that recipe every top-level key that it does not have itself; a path is seen
    from the recipe's folder.

    Raises:
        CtrbenchError: no such recipe, not TOML, an unknown key, a value of another type, ``like`` in a circle, or a
            collection.
    """
    path = recipe_path(str(name))
    document = _inherited(path)
    if COLLECTED in document:
        raise CtrbenchError(f"{path}: a collection of recipes, not one; name one of them")
    return Recipe.read(document, str(path))


def read_document(path: Path) -> dict[str, Any]:
    """The file of a recipe or a collection as it stands there.

    Raises:
        CtrbenchError: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CtrbenchError(f"{path}: cannot be read as TOML ({error})") from None


def _inherited(path: Path, before: tuple[Path, ...] = ()) -> dict[str, Any]:
    if path.resolve() in before:
        raise CtrbenchError(f"{path}: it is like itself; name another recipe")
    document = read_document(path)
    like = document.pop("like", None)
    inherited = _inherited(recipe_path(str(like), path.parent), (*before, path.resolve())) if like else {}
    return {**inherited, "name": path.stem, **document}


def write_toml(path: Path, document: dict[str, Any], header: str) -> None:
    """Writes a TOML file whole: a comment line, then the document.

    Raises:
        CtrbenchError: it cannot be written.
    """
    write_file(path, f"# {header}\n{tomli_w.dumps(document)}", option="--results")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
