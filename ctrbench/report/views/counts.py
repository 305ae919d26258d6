"""Users, items and samples of each dataset beside the published counts: AQCL, table 1. Nothing is drawn."""

from typing import ClassVar

import pandas as pd

from ctrbench.report.comparison import why_not_comparable
from ctrbench.report.figures.base import Exhibit, Material, Needs
from ctrbench.report.published import Counts, published_name, read_counts


class DatasetCounts(Exhibit):
    """See the module's docstring."""

    needs: ClassVar[Needs] = "references"
    reading = (
        "Counts of the prepared data; a sample is an interaction. Published counts are exact, so any other differs."
    )

    def frame(self, material: Material) -> pd.DataFrame:
        """One row per dataset and count."""
        published = read_counts(material.spec.published)
        rows = []
        for dataset, data in {record.dataset: record.data for record in material.references}.items():
            ours = Counts(data.users, data.items, data.interactions)
            theirs = published.get(published_name(dataset))
            why = why_not_comparable(material.spec, dataset, data)
            for count, own in ours._asdict().items():
                other = getattr(theirs, count) if theirs else None
                rows.append((dataset, count, own, other, _verdict(own, other, why), why if theirs else None))
        columns = ["dataset", "count", "ours", "published", "verdict", "why"]
        return pd.DataFrame(rows, columns=columns).astype({"ours": "Int64", "published": "Int64"})


def _verdict(own: int, other: int | None, why: str | None) -> str:
    if other is None:
        return "not published"
    if why:
        return "not comparable"
    return "equal" if own == other else "differs"
