"""What a recipe shows in place of a table of methods: a frame of numbers, and a drawing of it where it is a figure.

matplotlib is imported when one is asked for.
"""

from typing import TYPE_CHECKING

from ctrbench.registry import Registry

if TYPE_CHECKING:
    from ctrbench.report.figures.base import Exhibit, Needs

FIGURES: "Registry[type[Exhibit]]" = Registry(
    "figure",
    {
        "counts": "ctrbench.report.figures.counts:DatasetCounts",
        "activeness": "ctrbench.report.figures.activeness:Activeness",
        "alpha-family": "ctrbench.report.figures.alpha_family:AlphaFamily",
        "adaptive-alpha": "ctrbench.report.figures.adaptive_alpha:AdaptiveAlpha",
        "representations": "ctrbench.report.figures.representations:Representations",
        "variants": "ctrbench.report.figures.variants:Variants",
        "gain-by-click-length": "ctrbench.report.figures.gain_by_click_length:GainByClickLength",
        "codebook-use": "ctrbench.report.figures.codebook_use:CodebookUse",
    },
)


def needs_of(figure: str | None) -> "Needs":
    """What a recipe's figure is made of; its table, where it has no figure, is made of runs.

    Raises:
        CtrbenchError: no such figure.
    """
    return FIGURES.get(figure).needs if figure else "runs"
