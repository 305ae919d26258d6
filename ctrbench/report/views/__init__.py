"""The kinds of tables and figures that a recipe may list in ``[[views]]``: one file each, imported on first use."""

from typing import TYPE_CHECKING

from ctrbench.recipe.recipe import Recipe, ViewSpec
from ctrbench.registry import Registry

if TYPE_CHECKING:
    from ctrbench.report.views.base import Needs, View

VIEWS: "Registry[type[View]]" = Registry(
    "view",
    {
        "levels": "ctrbench.report.views.levels:Levels",
        "changes": "ctrbench.report.views.changes:Changes",
        "published": "ctrbench.report.views.published:BesidePaper",
        "counts": "ctrbench.report.views.counts:Counts",
        "activeness": "ctrbench.report.views.activeness:Activeness",
        "alpha-family": "ctrbench.report.views.alpha_family:AlphaFamily",
        "adaptive-alpha": "ctrbench.report.views.adaptive_alpha:AdaptiveAlpha",
        "representations": "ctrbench.report.views.representations:Representations",
        "variants": "ctrbench.report.views.variants:Variants",
        "sweep": "ctrbench.report.views.sweep:Sweep",
        "history": "ctrbench.report.views.history:History",
        "search": "ctrbench.report.views.search:SearchView",
        "forest": "ctrbench.report.views.forest:Forest",
        "oracle-gap": "ctrbench.report.views.oracle_gap:OracleGap",
        "gain-by-column": "ctrbench.report.views.gain_by_column:GainByColumn",
        "cohort-axes": "ctrbench.report.views.cohort_axes:CohortAxes",
        "private-changes": "ctrbench.report.views.private_changes:PrivateChanges",
        "cohort-predictions": "ctrbench.report.views.cohort_predictions:CohortPredictions",
        "codebook-use": "ctrbench.report.views.codebook_use:CodebookUse",
        "gradients": "ctrbench.report.views.gradients:Gradients",
        "attention": "ctrbench.report.views.attention:Attention",
        "attention-history": "ctrbench.report.views.attention_history:AttentionHistory",
    },
    base="ctrbench.report.views.base:View",
)

TABLES = ("levels", "changes", "published")
"""The views of a recipe that lists none, shown for each of its metrics."""


def views_of(recipe: Recipe) -> list[ViewSpec]:
    """The views that the report of a recipe shows."""
    if recipe.views:
        return list(recipe.views)
    return [ViewSpec(kind=kind, metric=metric) for metric in recipe.metrics for kind in TABLES]


def needs_of(recipe: Recipe) -> "Needs":
    """What a recipe's views need: ``runs`` if any view needs runs, else ``references`` if any needs them, else
    ``nothing``.

    Raises:
        CtrbenchError: a view does not exist, or one of its options.
    """
    needs = {VIEWS.get(spec.kind)(spec, recipe.name).needs for spec in views_of(recipe)}
    order: tuple[Needs, ...] = ("runs", "references", "nothing")
    return next(each for each in order if each in needs)
