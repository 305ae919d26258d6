"""The two fingerprints: what training reads, and what only measuring and printing read."""

from typing import Any

import pytest

from ctrbench.data.schema import Manifest
from ctrbench.errors import CtrbenchError
from tests.prepare.conftest import CLICKS, MakeCard, PrepareText, make_card, prepare_text

__all__ = ["MakeCard", "make_card", "prepare_text"]

FIELDS = [
    {"name": "colour", "source": "item"},
    {"name": "age", "source": "user"},
    {"name": "surface", "source": "row", "column": "place"},
]
VALUE = {"name": "value", "source": "user", "column": "age", "cut": "quantiles", "buckets": ["low", "high"]}
MORE = CLICKS + "y,f,1,,,\n"
"""With an item that nobody else has, so that negatives of any popularity can be drawn."""
CARD: dict[str, Any] = {"fields": FIELDS, "cohorts": [{"name": "place", "source": "row"}, VALUE]}


def prints(manifest: Manifest) -> tuple[str, str]:
    return manifest.fingerprint, manifest.measuring_fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Another title"},
        {"name": "other"},
        {"cohorts": CARD["cohorts"][:1]},
        {"cohorts": []},
        {"cohorts": [*CARD["cohorts"], {"name": "shade", "source": "item", "column": "colour"}]},
        {"cohorts": [CARD["cohorts"][0], VALUE | {"buckets": ["low", "middle", "high"]}]},
        {"cohorts": [CARD["cohorts"][0], VALUE | {"buckets": ["poor", "rich"]}]},
        {"cohorts": [CARD["cohorts"][0], VALUE | {"name": "worth"}]},
        {"cohorts": [CARD["cohorts"][0], VALUE | {"unknown": "no age"}]},
    ],
)
def test_what_only_the_report_reads_leaves_the_training_fingerprint(
    prepare_text: PrepareText, changes: dict[str, Any]
) -> None:
    before, after = prints(prepare_text(**CARD).manifest), prints(prepare_text(**CARD | changes).manifest)
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_mended_split_sentence_leaves_the_training_fingerprint(prepare_text: PrepareText) -> None:
    manifest = prepare_text(**CARD).manifest
    changed = manifest.model_copy(update={"split_rule": "as before, in better words"}).sealed()
    assert changed.fingerprint == manifest.fingerprint
    assert changed.measuring_fingerprint != manifest.measuring_fingerprint


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (MORE.replace("w,c,14", "w,d,14"), {}),
        (MORE + "z,a,99,red,,home\n", {}),
        (MORE.replace("u,b,20,blue,30,home", "u,b,20,blue,30,work"), {}),
        (MORE, {"fields": FIELDS[:1]}),
        (MORE, {"fields": [FIELDS[0] | {"name": "shade", "column": "colour"}, *FIELDS[1:]]}),
        (MORE, {"fields": [FIELDS[0], FIELDS[1] | {"quantiles": 2}, FIELDS[2]]}),
        (MORE, {"negatives": {"exponent": 0.5}}),
        (MORE, {"negatives": {"seed": 3}}),
    ],
)
def test_what_training_reads_changes_the_training_fingerprint(
    prepare_text: PrepareText, text: str, changes: dict[str, Any]
) -> None:
    before = prepare_text(MORE, **CARD).manifest.fingerprint
    assert prepare_text(text, **CARD | changes).manifest.fingerprint != before


def test_labels_are_read_by_training(prepare_text: PrepareText) -> None:
    text = "user,item,time,clicked,bought\n" + "".join(
        f"u,{item},{day},{int(item in 'bdfgh')},{int(item in 'bf')}\n" for day, item in enumerate("abcdefghijk")
    )
    text = text.replace("u,g,6,1", "u,g,6,0")
    cards = [{"click": "clicked"}, {"click": "clicked", "buy": "bought"}, {"open": "clicked"}]
    prepared = [prepare_text(text, options={"labels": labels}).manifest for labels in cards]
    assert len({manifest.fingerprint for manifest in prepared}) == 3
    swapped = text.replace("u,b,1,1,1", "u,b,1,1,0")
    assert prepare_text(swapped, options={"labels": cards[1]}).manifest.fingerprint != prepared[1].fingerprint


def test_the_order_of_fields_on_the_card_is_not_read_by_training(prepare_text: PrepareText) -> None:
    one, other = (prepare_text(fields=fields).manifest for fields in (FIELDS, FIELDS[::-1]))
    assert one.fingerprint == other.fingerprint


def test_times_are_read_by_nobody_who_trains(prepare_text: PrepareText) -> None:
    one, later = (prepare_text(text, **CARD).manifest for text in (CLICKS, CLICKS.replace("u,d,40", "u,d,41")))
    assert one.contents["rows.parquet"]["time"] != later.contents["rows.parquet"]["time"]
    assert one.fingerprint == later.fingerprint
    assert one.measuring_fingerprint != later.measuring_fingerprint


def test_cohorts_that_a_method_reads_while_training_count(prepare_text: PrepareText) -> None:
    manifest = prepare_text(**CARD).manifest
    assert manifest.fingerprint_with([]) == manifest.fingerprint
    both = manifest.fingerprint_with(["place", "value"])
    assert both == manifest.fingerprint_with(iter(["value", "place", "place"]))
    assert len({manifest.fingerprint, both, *(manifest.fingerprint_with([name]) for name in ("place", "value"))}) == 4
    recut = prepare_text(**CARD | {"cohorts": [CARD["cohorts"][0], VALUE | {"buckets": ["a", "b", "c"]}]}).manifest
    assert recut.fingerprint_with(["place"]) == manifest.fingerprint_with(["place"])
    assert recut.fingerprint_with(["value"]) != manifest.fingerprint_with(["value"])
    with pytest.raises(CtrbenchError, match="unknown cohort of mine 'plaec'; did you mean place"):
        manifest.fingerprint_with(["plaec"])


def test_every_stored_column_is_hashed(prepare_text: PrepareText) -> None:
    manifest = prepare_text(**CARD).manifest
    columns = {file.removesuffix(".parquet"): set(hashes) for file, hashes in manifest.contents.items()}
    rows = {"user", "item", "click", "start", "length", "time", "split", "search_holdout", "surface", "place"}
    assert columns == {
        "rows": rows,
        "sequence": {"item"},
        "items": {"popularity", "colour"},
        "users": {"age", "value"},
    }
