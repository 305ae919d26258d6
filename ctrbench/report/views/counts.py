"""Users, items and samples of each dataset beside the published counts: AQCL, table 1. Nothing is drawn."""

from typing import ClassVar

from ctrbench.report.comparable import why_not_comparable
from ctrbench.report.frame import Frame
from ctrbench.report.published import Counts as Sizes
from ctrbench.report.published import published_name, read_counts
from ctrbench.report.select import ReportData
from ctrbench.report.views.base import Needs, View, ViewData

COLUMNS = ("dataset", "count", "ours", "published", "verdict", "why")


class Counts(View):
    """See the module's docstring."""

    needs: ClassVar[Needs] = "references"

    def show(self, data: ReportData) -> list[ViewData]:
        """One row per dataset and count."""
        published = read_counts(data.recipe.published)
        rows = []
        for facts in self.facts(data):
            ours = Sizes(facts.users, facts.items, facts.interactions)
            theirs = published.get(published_name(facts.dataset))
            why = why_not_comparable(data.recipe.not_comparable, facts)
            for count, own in ours._asdict().items():
                other = getattr(theirs, count) if theirs else None
                rows.append((facts.dataset, count, own, other, _verdict(own, other, why), why if theirs else None))
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data),
                source=Frame.of(COLUMNS, rows),
                reading=(
                    "Counts of the prepared data; a sample is an interaction. Published counts are exact, so any other "
                    "differs."
                ),
            )
        ]


def _verdict(own: int, other: int | None, why: str | None) -> str:
    if other is None:
        return "not published"
    if why:
        return "not comparable"
    return "equal" if own == other else "differs"
