"""A recipe: one table or figure of a paper, as TOML."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ctrbench.names import ALL
from ctrbench.recipe.space import Search
from ctrbench.strict import ComponentName, DatasetName, RecipeName, Strict, VariantName


class ViewSpec(Strict):
    """An entry of ``[[views]]``: one table or figure of a recipe's report."""

    kind: str
    """A name in :data:`ctrbench.report.views.VIEWS`."""
    metric: str | None = None
    """A registered metric, for kinds that show one; left out, those of ``Recipe.metrics``."""
    by: str | None = None
    """The column that cuts the rows: ``activeness``, ``click_length``, a cohort column, ``overall`` for no cut, or an
    expression over them (:mod:`ctrbench.recipe.column`); left out, what the command line says, else ``activeness``."""
    task: str | None = None
    """Left out: every task of the runs."""
    layout: Literal["wide", "long"] = "wide"
    """``wide``: one column per group; ``long``: one row per group, for columns with many groups."""
    title: str | None = None
    """Left out: the kind's own."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Of the kind, as its ``Options`` class documents."""


class Recipe(Strict):
    """What to run, with which settings, and which published values it answers to."""

    name: RecipeName
    """The file's name without its ending, if left out; its report, figures and best settings lie under it."""
    title: str
    """Of the table."""
    paper: str | None = None
    """Citation in one line."""
    published: RecipeName | None = None
    """A file of ``ctrbench/published`` without its ending; its values stand beside ours."""
    datasets: dict[DatasetName, dict[str, Any]] = Field(min_length=1)
    """Names of prepared datasets, or a table ``[datasets.NAME]`` of settings (path -> value) for each; ``all`` adds
    those that are prepared."""
    backbones: dict[ComponentName, dict[str, Any]] = Field(min_length=1)
    """Names, or a table ``[backbones.NAME]`` of settings for each; ``all`` adds those that are not named."""
    methods: dict[ComponentName, dict[str, Any]] = Field(min_length=1)
    """Names, or a table ``[methods.NAME]`` of settings for each; ``all`` adds those that are not named."""
    variants: dict[VariantName, dict[str, Any]] = Field(default_factory=dict)
    """Name -> settings (path -> value): every row is run once with each. They override best settings, so what a search
    found for a row holds for all its variants."""
    base: str = "plain"
    """The method that the others are compared with; one of ``methods``."""
    metrics: tuple[str, ...] = ("auc", "ne")
    """Registered metrics that the tables show, in this order."""
    views: tuple[ViewSpec, ...] = ()
    """What the report shows; none: levels, changes and published values of ``metrics``."""
    representations: int = Field(0, ge=0, le=100_000)
    """Test rows whose h is stored beside each record, for views that show it."""
    seeds: int = Field(5, ge=1, le=1000)
    """Number of seeds, counted from 0."""
    data: dict[str, Any] = Field(default_factory=dict)
    """Section ``[data]``: :class:`ctrbench.data.settings.DataSettings`."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Section ``[training]``: :class:`ctrbench.training.settings.TrainingSettings`."""
    search: Search | None = None
    """``ctrbench search`` must then come before ``ctrbench run``."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """What ``--set`` gave: path -> value. It overrides everything else, best settings included."""
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
        if self.search and self.search.seed < self.seeds:
            raise ValueError(f"search.seed {self.search.seed} is one of the table's seeds 0 to {self.seeds - 1}")
        return self
