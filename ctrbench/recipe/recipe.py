"""A recipe: one table or figure of a paper, as TOML."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from ctrbench import places
from ctrbench.errors import CtrbenchError
from ctrbench.names import ALL
from ctrbench.recipe.cohort_file import FOUND_ON, FoundCohorts
from ctrbench.recipe.space import Search
from ctrbench.strict import ComponentName, DatasetName, RecipeName, Strict, VariantName

WORLD = "@seed="
"""Before the seed of a simulation in the name of a dataset."""


class ViewSpec(Strict):
    """An entry of ``[[views]]``: one table or figure of a recipe's report."""

    kind: str
    """A name in :data:`ctrbench.report.views.VIEWS`."""
    metric: str | None = None
    """A registered metric, for kinds that show one; left out, each of ``Recipe.metrics``."""
    by: str | None = None
    """The column that cuts the rows: ``activeness``, ``click_length``, a cohort column, ``overall`` for no cut, or an
    expression over them (:mod:`ctrbench.recipe.column`); left out, the command's ``--by``, else ``activeness``."""
    task: str | None = None
    """Left out: every task of the runs."""
    layout: Literal["wide", "long"] = "wide"
    """``wide``: one column per group; ``long``: one row per group, for columns with many groups."""
    title: str | None = None
    """Left out: the kind's default title."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Settings of the kind, as its ``Options`` class documents."""


class Recipe(Strict):
    """What to run, with which settings, and which published values to compare with."""

    name: RecipeName
    """Names the report, the figures and the best settings; left out: the file's name without its ending."""
    title: str
    """Title of the table."""
    paper: str | None = None
    """Citation in one line."""
    published: RecipeName | None = None
    """A file of ``ctrbench/published`` without its ending; its values are printed beside ours."""
    published_by: str = "the paper"
    """Whose these values are, as the report calls them: ``the paper``, or the name of an outside reference."""
    datasets: dict[DatasetName, dict[str, Any]] = Field(min_length=1)
    """Names of prepared datasets, or a table ``[datasets.NAME]`` of settings (path -> value) for each; ``all`` adds
    those that are prepared."""
    backbones: dict[ComponentName, dict[str, Any]] = Field(min_length=1)
    """Names, or a table ``[backbones.NAME]`` of settings for each; ``all`` adds those that are not named."""
    methods: dict[ComponentName, dict[str, Any]] = Field(min_length=1)
    """Names, or a table ``[methods.NAME]`` of settings for each; ``all`` adds those that are not named."""
    variants: dict[VariantName, dict[str, Any]] = Field(default_factory=dict)
    """Name -> settings (path -> value): every row is run once with each variant. They override best settings, so one
    search of a row serves all its variants."""
    base: str = "plain"
    """The method that the others are compared with; one of ``methods``."""
    against: str | None = None
    """A variant, or the base: the report has a row for each variant of the varied method instead of the method, and
    compares them with this one. The other methods, which no variant is meant to change, run with the first variant
    alone."""
    varied: ComponentName | None = None
    """With ``against``: the method whose variants are compared; left out, the one beside the base."""
    metrics: tuple[str, ...] = ("auc", "ne")
    """Registered metrics that the tables show, in this order."""
    views: tuple[ViewSpec, ...] = ()
    """What the report shows; empty: levels, changes and published values of ``metrics``."""
    representations: int = Field(0, ge=0, le=100_000)
    """Test rows whose h is stored beside each record, for views that show it; of several models, the first's."""
    attention_rows: int = Field(0, ge=0, le=100_000)
    """Validation rows on which every look of a run summarises the attention weights of the backbone, parameters and
    activations, for views that show it; a backbone without attention has nothing to summarise. It costs a forward pass
    over these rows at each look, and changes nothing in the training."""
    seeds: int = Field(5, ge=1, le=1000)
    """Number of seeds, counted from 0."""
    seeds_on: dict[DatasetName, dict[ComponentName, Annotated[int, Field(ge=1, le=1000)]]] = Field(default_factory=dict)
    """Dataset -> method -> its number of seeds, where that is not ``seeds``."""
    worlds: bool = False
    """Whether every seed has a simulated world of its own: seed 1 runs on ``DATASET@seed=1``, seed 0 on the dataset
    itself. Differences over seeds then hold the error of the sample of users, items and rows as well. Cohorts and best
    settings are those of the dataset itself, in every world."""
    data: dict[str, Any] = Field(default_factory=dict)
    """Section ``[data]``: :class:`ctrbench.data.settings.DataSettings`."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Section ``[training]``: :class:`ctrbench.training.settings.TrainingSettings`."""
    search: Search | None = None
    """Settings to search; if given, ``ctrbench search`` must come before ``ctrbench run``."""
    cohorts: tuple[FoundCohorts, ...] = ()
    """Paths of files that ``ctrbench cohorts`` wrote, relative to the recipe: a method with the setting ``axis`` takes
    its cohorts from them."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Settings of ``--set``: path -> value. They override all others, best settings included."""
    not_comparable: dict[str, str] = Field(default_factory=dict)
    """Dataset -> why its rows cannot be compared with the published ones."""

    _asked: tuple[str, ...] | None = PrivateAttr(None)
    """The words by which a command names the recipe; None where it was not found by any."""
    _changes: tuple[str, ...] = PrivateAttr(())
    """The words of ``ctrbench run`` that changed its seeds and settings."""
    _whole: tuple[str, ...] = PrivateAttr(())
    """The methods of its file, of which a command chose some."""

    def asked_with(self, words: Sequence[str], changes: Sequence[str] = ()) -> Self:
        """This recipe, which remembers by which words a command asked for it, and by which ``run`` changed it."""
        self._asked, self._changes = tuple(words), tuple(changes)
        return self

    def part_of(self, whole: "Recipe") -> Self:
        """This recipe, which remembers the methods that another had before a command chose among them."""
        self._whole = tuple(whole.methods)
        return self

    @property
    def compared(self) -> frozenset[str]:
        """The methods that its file compares with the base, chosen by a command or not: the family of comparisons for
        which intervals and p are corrected."""
        return frozenset({*self.methods, *self._whole} - {self.base, ALL})

    def keeps_base(self, method: str) -> bool:
        """Whether a method keeps the best settings of the base and is searched over settings of its own alone."""
        return self.search is not None and self.search.freeze_base and method != self.base

    @property
    def publisher(self) -> str:
        """Heading of the published values' column."""
        return self.published_by.removeprefix("the ")

    def varies(self, method: str) -> bool:
        """Whether the variants change a method; without ``against`` they change every method."""
        if self.against is None:
            return True
        return method == self.varied if self.varied else method != self.base

    def seeds_of(self, dataset: str, method: str) -> range:
        """The seeds of a method on a dataset."""
        return range(self.seeds_on.get(dataset, {}).get(method, self.seeds))

    def world_of(self, dataset: str, seed: int) -> str:
        """The dataset that a seed of the table runs on."""
        return f"{dataset}{WORLD}{seed}" if self.worlds and seed else dataset

    def worlds_of(self, dataset: str) -> list[str]:
        """Every dataset that some seed of the table runs on, the dataset itself first."""
        methods = [*self.methods, *(self.seeds_on.get(dataset, ()) if ALL in self.methods else ())]
        most = max(len(self.seeds_of(dataset, method)) for method in methods)
        return list(dict.fromkeys(self.world_of(dataset, seed) for seed in range(most)))

    def check_worlds(self, simulated: Mapping[str, bool]) -> None:
        """Checks that datasets, name -> whether it is simulated, have other worlds where the recipe asks for them.

        Raises:
            CtrbenchError: one is not simulated.
        """
        real = next((name for name in self.datasets if self.worlds and not simulated[name]), None)
        if real:
            raise CtrbenchError(
                f"{self.name}: worlds = true needs simulated data, and {real} is real; remove worlds, or name a "
                "simulated dataset"
            )

    def cohorts_on(self, dataset: str, axis: str, pair: str, *, elsewhere: bool = False) -> dict[str, object]:
        """Settings of a method: the two cohorts of an axis that the files of cohorts have; empty if there are none.

        With ``elsewhere``, without the note of the data on which they were found, for another world of the dataset.
        """
        found = self.found(dataset, axis)
        settings = found.settings(pair) if found else {}
        return {key: value for key, value in settings.items() if not (elsewhere and key == FOUND_ON)}

    def found(self, dataset: str, axis: str) -> FoundCohorts | None:
        """The cohorts of an axis that the files of cohorts have; None if there are none."""
        return next((each for each in self.cohorts if (each.dataset, each.axis) == (dataset, axis)), None)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column expressions that the views cut by, each once."""
        return tuple(dict.fromkeys(view.by for view in self.views if view.by))

    def command(self, verb: str, *options: str) -> str:
        """A command on this recipe that can be typed as it stands, with the names that were asked for; a recipe that no
        command asked for goes by its name.

        ``run`` takes seeds and settings too. ``report`` and ``measure`` know these, and a recipe made of names alone,
        from the last run.
        """
        if self._asked is None:
            words = [places.recipe_argument(self.name)]
        elif verb in ("report", "measure") and (self._changes or self._asked[0].startswith("--")):
            words = []
        else:
            words = [shlex.quote(word) for word in (*self._asked, *(self._changes if verb == "run" else ()))]
        return " ".join(("ctrbench", verb, *words, *options))

    @field_validator("datasets", "backbones", "methods", mode="before")
    @classmethod
    def _names_alone(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        if wrong := [name for name in value if not isinstance(name, str)]:
            raise ValueError(f"want names (got {wrong[0]!r:.60})")
        return {name: {} for name in value}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.base not in self.methods and ALL not in self.methods:
            raise ValueError(f"base {self.base!r} is not one of the methods")
        if self.against and (not self.variants or not self.variants.keys().isdisjoint(self.methods)):
            raise ValueError("against needs variants, none of which has the name of a method")
        if self.against not in (None, self.base, *self.variants):
            raise ValueError(f"against {self.against!r} is neither a variant nor the base")
        if self.against and (ALL in self.methods or (len(self.methods) > 2 and not self.varied)):
            raise ValueError("against compares the variants of one method: name the base and one other, or set varied")
        if self.varied and (not self.against or self.varied == self.against):
            raise ValueError("varied names the method whose variants are compared: set against to one of the variants")
        if self.varied and self.varied not in self.methods:
            raise ValueError(f"varied {self.varied!r} is not one of the methods")
        if self.worlds and (named := next((name for name in self.datasets if name == ALL or WORLD in name), None)):
            raise ValueError(
                f"worlds gives every seed a dataset of its own: name the first one, without its seed, not {named!r}"
            )
        most = max([self.seeds, *(count for own in self.seeds_on.values() for count in own.values())])
        if self.search and self.search.seed < most:
            raise ValueError(f"search.seed {self.search.seed} is one of the table's seeds 0 to {most - 1}")
        return self
