"""Manifests of data that nobody prepared."""

import json
from pathlib import Path

from ctrbench.data.schema import (
    MANIFEST,
    ROWS,
    USERS,
    Activeness,
    Cohort,
    Field,
    Manifest,
    Negatives,
    SplitCounts,
)

AGES = Cohort(name="age_group", source="user", values=("young", "old"))


def manifest(
    name: str = "toy",
    *,
    items: int = 3,
    labels: tuple[str, ...] = ("click",),
    cohorts: tuple[Cohort, ...] = (),
    **changes,
) -> Manifest:
    """Another number of items or other labels have another training fingerprint; cohorts and titles have not."""
    counts = SplitCounts(rows=10, positives=5)
    files = {"user": USERS, "row": ROWS}
    contents: dict[str, dict[str, str]] = {file: {} for file in files.values()}
    for cohort in cohorts:
        contents[files[cohort.source]][cohort.name] = "0" * 64
    document = {
        "name": name,
        "title": name.title(),
        "labels": labels,
        "users": 4,
        "items": items,
        "interactions": 20,
        "splits": {"train": counts, "validation": counts, "test": counts},
        "search_holdout": counts,
        "split_rule": "By hand.",
        "fields": tuple(Field(name=field, source=field, size=items + 1) for field in ("user", "item")),
        "cohorts": cohorts,
        "negatives": Negatives(source="sampled"),
        "activeness": Activeness(cutoffs=(1, 2), shares=(0.6, 0.3, 0.1)),
        "activeness_curve": tuple(range(101)),
        "mean_click_length": 2.0,
        "card_hash": "0",
        "sources": {},
        "files": {},
        "contents": contents,
    }
    return Manifest(**{**document, **changes}).sealed()


def prepare(data: Path, name: str = "toy", **changes) -> Manifest:
    """Writes what planning reads of a prepared dataset: its manifest."""
    made = manifest(name, **changes)
    (data / name).mkdir(parents=True, exist_ok=True)
    (data / name / MANIFEST).write_text(json.dumps(made.model_dump(mode="json")))
    return made
