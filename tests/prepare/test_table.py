"""Anyone's own interactions, from a file to a prepared dataset."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctrbench.data.schema import Negatives
from ctrbench.errors import CtrbenchError
from ctrbench.places import shipped
from ctrbench.prepare.card import read_card
from ctrbench.prepare.stage import Prepared, prepare
from tests.prepare.conftest import CLICKS, MakeCard, PrepareText, table

COLUMNS = {
    "fields": [
        {"name": "colour", "source": "item"},
        {"name": "surface", "source": "row", "column": "place"},
        {"name": "age", "source": "user"},
    ],
    "cohorts": [{"name": "place", "source": "row"}],
}
IMPRESSIONS = """user,item,time,clicked,bought,place
u,a,10,0,0,home
u,b,10,1,0,home
u,f,15,0,0,home
u,c,20,1,1,work
u,d,20,0,0,work
u,e,30,1,0,home
v,a,40,0,0,home
v,e,40,1,1,home
"""
LABELS = {"options": {"labels": {"click": "clicked", "purchase": "bought"}}}


def test_counts_and_click_length(prepare_text: PrepareText) -> None:
    manifest = prepare_text().manifest
    assert (manifest.users, manifest.items, manifest.interactions) == (4, 5, 10)
    assert {name: (part.rows, part.positives) for name, part in manifest.splits.items()} == {
        "train": (5, 5),
        "validation": (4, 2),
        "test": (6, 3),
    }
    assert manifest.mean_click_length == 5 / 4
    assert manifest.negatives == Negatives(source="sampled", exponent=0.0, per_positive=1)


def test_rows_are_by_user_in_time_order_with_negatives_after_their_positive(prepare_text: PrepareText) -> None:
    rows = table(prepare_text(), "rows")
    positives = rows[rows.click == 1]
    # Ids follow first appearance: u=1, v=2, w=3, x=4; a=1 ... e=5.
    assert positives.user.tolist() == [1, 1, 1, 1, 2, 2, 2, 3, 4, 4]
    assert positives.item.tolist() == [1, 2, 3, 4, 1, 2, 5, 3, 4, 1]
    assert positives.length.tolist() == [0, 1, 2, 3, 0, 1, 2, 0, 0, 1]
    assert positives.split.tolist() == [0, 0, 1, 2, 0, 1, 2, 0, 0, 2]
    for place in np.flatnonzero(rows.click == 0):
        same = ["user", "start", "length", "time", "split"]
        assert rows.loc[place, same].tolist() == rows.loc[place - 1, same].tolist()
        assert rows.click[place - 1] == 1


def test_negatives_avoid_every_item_of_the_user(prepare_text: PrepareText) -> None:
    rows = table(
        prepare_text(negatives={"per_positive": 2, "seed": 3}, ties="hashed", text=CLICKS + "y,f,1,,,\n"), "rows"
    )
    owned = rows[rows.click == 1].groupby("user").item.agg(set)
    negatives = rows[rows.click == 0]
    assert len(negatives) == 10
    assert all(item not in owned[user] for user, item in zip(negatives.user, negatives.item, strict=True))


def test_sequence_and_histories_are_slices_of_the_users_clicks(prepare_text: PrepareText) -> None:
    prepared = prepare_text()
    rows, sequence = table(prepared, "rows"), table(prepared, "sequence").item.to_numpy()
    last = rows[(rows.user == 1) & (rows.split == 2)].iloc[0]
    assert sequence[last.start : last.start + last.length].tolist() == [1, 2, 3]
    assert sequence.tolist() == [1, 2, 3, 4, 1, 2, 5, 3, 4, 1]


def test_popularity_counts_training_rows_alone(prepare_text: PrepareText) -> None:
    items = table(prepare_text(), "items")
    # Item 5 is seen in test only: it has an id and no popularity.
    assert items.popularity.tolist() == [0, 2, 1, 1, 1, 0]


def test_an_item_seen_only_in_test_has_an_id_and_no_popularity(prepare_text: PrepareText) -> None:
    prepared = prepare_text(**COLUMNS)
    rows, items = table(prepared, "rows"), table(prepared, "items")
    of_e = rows[(rows.item == 5) & (rows.click == 1)]
    assert of_e.split.tolist() == [2]
    assert items.popularity[5] == 0
    # Known by its own colour, blue, as item b is; in nobody's history, for its click is its user's last.
    assert items.colour[5] == items.colour[2] > 0
    test_only = of_e.start + of_e.length
    assert table(prepared, "sequence").item[test_only].tolist() == [5]


def test_fields_and_cohorts(prepare_text: PrepareText) -> None:
    prepared = prepare_text(**COLUMNS)
    manifest, rows = prepared.manifest, table(prepared, "rows")
    assert {field.name: field.size for field in manifest.fields} == {
        "user": 5,
        "item": 6,
        "colour": 3,
        "surface": 3,
        "age": 4,
    }
    assert table(prepared, "items").colour.tolist() == [0, 2, 1, 2, 0, 1]
    assert table(prepared, "users").age.tolist() == [0, 2, 0, 3, 1]
    # Places of training rows only: abroad is unknown to the field and outside the cohort.
    assert manifest.cohorts[0].values == ("home", "work")
    by_positive = rows[rows.click == 1]
    assert by_positive.surface.tolist() == [1, 1, 2, 1, 1, 1, 0, 2, 1, 1]
    assert by_positive.place.tolist() == [0, 0, 1, 0, 0, 0, -1, 1, 0, 0]
    negatives = rows.index[rows.click == 0]
    assert (rows.surface[negatives].to_numpy() == rows.surface[negatives - 1].to_numpy()).all()


def test_statistics_and_quantiles_see_training_rows_alone(prepare_text: PrepareText) -> None:
    columns = {
        "fields": [{"name": "price", "source": "item", "column": "paid", "statistic": "median", "quantiles": 2}],
        "cohorts": [
            {"name": "value", "source": "user", "column": "paid", "statistic": "sum", "cut": "quantiles"}
            | {"buckets": ["low", "high"], "unknown": "new"}
        ],
    }
    text = (
        "user,item,time,paid\nu,a,1,2\nu,b,2,5\nu,c,3,900\nu,d,4,900\nv,a,1,4\nv,b,2,800\nv,a,3,700\nw,c,9,1\nx,e,1,1\n"
    )
    prepared = prepare_text(text, **columns)
    # In training a costs 2 and 4, b 5, c and e 1; u spends 7, v 4, w and x 1.
    assert table(prepared, "items").price.tolist() == [0, 1, 2, 1, 0, 1]
    assert table(prepared, "users").value.tolist() == [2, 1, 0, 0, 0]
    assert prepared.manifest.cohorts[0].values == ("low (to 4)", "high (above 4)", "new")
    columns["fields"][0]["column"] = "pade"
    with pytest.raises(CtrbenchError, match="unknown column 'pade'; did you mean paid"):
        prepare_text(text, **columns)


def test_the_schema_s_types(prepare_text: PrepareText) -> None:
    prepared = prepare_text(**COLUMNS)
    types = {"user": "int32", "item": "int32", "click": "int8", "start": "int64", "length": "int32", "time": "int64"}
    types |= {"split": "int8", "search_holdout": "int8", "surface": "int32", "place": "int16"}
    assert {name: str(kind) for name, kind in table(prepared, "rows").dtypes.items()} == types
    assert str(table(prepared, "items").popularity.dtype) == "int64"
    assert str(table(prepared, "sequence").item.dtype) == "int32"


def test_impressions_keep_their_rows_and_the_sequence_holds_clicks(prepare_text: PrepareText) -> None:
    prepared = prepare_text(IMPRESSIONS, ties="apart", **LABELS)
    manifest, rows = prepared.manifest, table(prepared, "rows")
    assert manifest.labels == ("click", "purchase")
    assert manifest.negatives.source == "impressions"
    assert table(prepared, "sequence").item.tolist() == [2, 4, 6, 6]
    assert rows.click.tolist() == [0, 1, 0, 1, 0, 1, 0, 1]
    assert rows.purchase.tolist() == [0, 0, 0, 1, 0, 0, 0, 1]
    assert rows.length.tolist() == [0, 0, 1, 1, 1, 2, 0, 0]
    assert rows.split.tolist() == [0, 0, 1, 1, 2, 2, 0, 0]
    # Nobody has two training clicks, so nobody has one to spare.
    assert rows.search_holdout.tolist() == [0] * 8
    assert manifest.mean_click_length == 2 / 2


def test_calendar_on_dates(prepare_text: PrepareText) -> None:
    text = "user,item,time\nu,a,2020-01-01\nu,b,2020-01-02T23:59:59\nu,c,2020-01-03 10:00\nv,d,2020-01-03\n"
    rows = table(prepare_text(text, split={"rule": "calendar", "test_days": 1, "validation_days": 1}), "rows")
    positives = rows[rows.click == 1]
    assert positives.split.tolist() == [0, 1, 2, 2]
    assert positives.time.tolist() == [1577836800, 1578009599, 1578045600, 1578009600]


def test_hashed_ties_give_the_same_sequences_for_any_file_order(prepare_text: PrepareText) -> None:
    head = ["user,item,time", *(f"z,{item},{time}" for time, item in enumerate("abcdefgh")), "u,a,1", "v,b,1", "w,c,1"]
    tied = [f"{user},{item},5" for user in "uvw" for item in "defgh"]
    one, other = "\n".join([*head, *tied]), "\n".join([*head, *reversed(tied)])
    sequences = {
        (ties, text): table(prepare_text(text + "\ny,i,1", ties=ties), "sequence").item.tolist()
        for ties in ("hashed", "file-order")
        for text in (one, other)
    }
    assert sequences["hashed", one] == sequences["hashed", other]
    assert sequences["file-order", one] != sequences["file-order", other]


def test_editions_that_rename_users_give_one_fingerprint(prepare_text: PrepareText) -> None:
    one = prepare_text().manifest
    other = prepare_text(CLICKS.replace("\nu,", "\nzz,").replace("\nv,", "\naa,")).manifest
    assert one.sources != other.sources
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != prepare_text(CLICKS.replace("w,c,14", "w,d,14")).manifest.fingerprint


FRACTIONS = "user,item,time\nu,b,1.9\nu,a,1.2\nu,c,3.0\nu,d,4\nu,e,5\nv,f,1\n"


@pytest.mark.parametrize("ties", ["file-order", "hashed", "apart"])
def test_parts_of_a_second_decide_the_order_and_are_not_stored(prepare_text: PrepareText, ties: str) -> None:
    prepared = prepare_text(FRACTIONS, ties=ties)
    rows = table(prepared, "rows")
    # Ids follow first appearance: b=1, a=2, c=3.
    assert rows[rows.click == 1].item.tolist()[:3] == [2, 1, 3]
    assert rows[rows.click == 1].time.tolist()[:3] == [1, 1, 3]
    assert str(rows.time.dtype) == "int64"
    assert rows.length.tolist()[:3] == [0, 1, 2]
    assert table(prepared, "sequence").item.tolist()[:3] == [2, 1, 3]


def test_one_item_twice_in_a_second_is_no_duplicate(prepare_text: PrepareText) -> None:
    text = "user,item,time\nu,b,1\nu,a,2.2\nu,a,2.9\nv,c,1\n"
    rows = table(prepare_text(text), "rows")
    positives = rows[(rows.click == 1) & (rows.user == 1)]
    assert positives.item.tolist() == [1, 2, 2]
    assert positives.split.tolist() == [0, 1, 2]
    with pytest.raises(CtrbenchError, match="line 4: repeats user, item and time"):
        prepare_text(text.replace("2.9", "2.2"))


def test_calendar_counts_the_last_day_whole(prepare_text: PrepareText) -> None:
    text = "user,item,time\nu,a,86399.5\nu,b,86400.5\nu,c,172800.5\nv,d,5\n"
    rows = table(prepare_text(text, split={"rule": "calendar", "test_days": 1, "validation_days": 1}), "rows")
    assert rows[rows.click == 1].split.tolist() == [0, 1, 2, 0]


def test_a_value_shown_in_training_is_known_though_nobody_clicked_it(prepare_text: PrepareText) -> None:
    text = (
        "user,item,time,clicked,bought,place\n"
        "u,a,1,0,0,pop-up\nu,b,2,1,1,home\nu,c,3,1,0,home\nu,d,4,1,0,pop-up\nv,a,1,0,0,abroad\nw,b,1,1,0,home\n"
        "u,e,2.5,0,0,home\nu,e,3.5,0,0,home\n"
    )
    columns = {
        "fields": [{"name": "surface", "source": "row", "column": "place"}],
        "cohorts": [{"name": "place", "source": "row"}],
    }
    prepared = prepare_text(text, **columns, **LABELS)
    rows = table(prepared, "rows")
    # abroad=1, home=2, pop-up=3.
    assert rows.surface.tolist() == [3, 2, 2, 2, 2, 3, 1, 2]
    assert prepared.manifest.fields[2].size == 4
    assert prepared.manifest.cohorts[0].values == ("abroad", "home", "pop-up")
    assert rows.place.tolist() == [2, 1, 1, 1, 1, 2, 0, 1]


def test_edges_of_cohorts_look_at_training_clicks_alone(prepare_text: PrepareText) -> None:
    text = (
        "user,item,time,clicked,bought,price\n"
        "u,a,1,0,0,90\nu,e,1,0,0,80\nu,b,2,1,1,1\nw,b,1,1,0,1\nx,c,1,1,0,2\nu,c,3,1,0,2\nu,d,4,1,0,5\n"
        "u,f,2.5,0,0,7\nu,f,3.5,0,0,7\n"
    )
    by_price = {"name": "price", "source": "row", "cut": "quantiles", "buckets": ["low", "high"]}
    assert prepare_text(text, cohorts=[by_price], **LABELS).manifest.cohorts[0].values == (
        "low (to 1)",
        "high (above 1)",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"mine\.csv: cannot be read as CSV"),
        ("user,item,time\n", r"mine\.csv: the file has no interactions"),
        ("user,item\nu,a\n", r"unknown column 'time'"),
        ("user,item,timee\nu,a,1\n", r"did you mean timee"),
        ("user,item,time\nu,a,1\nu,b,nan\n", r"mine\.csv, line 3: time is missing.* \(1 such lines\)"),
        ("user,item,time\nu,a,1\nu,b,\n", r"line 3: time is missing"),
        ("user,item,time\nu,a,-5\nu,b,-6\n", r"line 2: time is missing, negative.* \(2 such lines\)"),
        ("user,item,time\nu,a,yesterday\n", r"line 2: time is missing, negative or not a time"),
        (
            "user,item,time\nu,a,1391040000000\n",
            r"line 2: time is not in seconds .*mend the file \(milliseconds\? divide by 1000\)",
        ),
        ("user,item,time\nu,a,inf\n", r"line 2: time is missing, negative or not a time"),
        ("user,item,time\n,a,1\n", r"line 2: user is missing"),
        ("user,item,time\nu,,1\n", r"line 2: item is missing"),
        ("user,item,time\nu,a,1\nu,b,1,9\n", r"mine\.csv, line 3: 4 values, but the header has 3; mend the line"),
        ("user,item,time\nu,a,1\nu,b,2\nu,a,1\nu,a,1\n", r'line 4: repeats user, item and time.*\(2 such.*"drop"'),
        ("user,item,time\nu,a,1\nv,b,2\n", r"'leave-last-out' leaves no validation rows.* and no test rows; choose"),
        ("user,item,time\nu,a,1\nu,b,2\nv,a,1\nv,b,2\n", r"leaves no validation rows, by which training stops; cho"),
    ],
)
def test_a_broken_file_is_named_with_its_line(prepare_text: PrepareText, text: str, message: str) -> None:
    with pytest.raises(CtrbenchError, match=message):
        prepare_text(text)


def test_duplicates_are_dropped_where_the_card_says_so(prepare_text: PrepareText) -> None:
    repeated = CLICKS + "u,a,10,red,30,home\nu,b,20,blue,30,home\n"
    manifest = prepare_text(repeated, duplicates="drop").manifest
    assert manifest.interactions == 12
    assert manifest.contents == prepare_text().manifest.contents


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": [{"name": "color", "source": "item"}]}, "unknown column 'color'; did you mean colour"),
        ({"fields": [{"name": "age", "source": "item"}]}, "item 'a' has several values of 'age'; declare"),
        ({"options": {"usr": "x"}}, "options: unknown key 'usr'; did you mean user"),
        ({"options": {"labels": {"time": "age"}}}, "the name 'time' is taken"),
        ({"options": {"labels": {"click": "age"}}}, "line 2: label 'click' is neither 0 nor 1"),
        ({"format": "tabel"}, "unknown format 'tabel'; did you mean table"),
        ({"sources": []}, "reads one file"),
    ],
)
def test_a_card_that_does_not_fit_the_file(prepare_text: PrepareText, changes: dict[str, object], message: str) -> None:
    with pytest.raises(CtrbenchError, match=message):
        prepare_text(**changes)


def test_labels_of_one_value_are_refused(prepare_text: PrepareText) -> None:
    with pytest.raises(CtrbenchError, match="label 'click' has one value only; name another label"):
        prepare_text("user,item,time,clicked,bought\nu,a,1,1,0\nu,b,2,1,1\n", **LABELS)


def test_parquet_with_its_own_types_gives_the_same_contents(
    tmp_path: Path, make_card: MakeCard, prepare_text: PrepareText
) -> None:
    frame = pd.read_csv(prepare_text(**COLUMNS).folder.parent.parent / "mine.csv")
    frame["time"] = pd.to_datetime(frame["time"], unit="s").astype("datetime64[ms]")
    frame.to_parquet(tmp_path / "mine.parquet")
    from_parquet = prepare(make_card(**COLUMNS), tmp_path / "other", source=tmp_path / "mine.parquet").manifest
    assert from_parquet.contents == prepare_text(**COLUMNS).manifest.contents


def test_large_integer_ids_keep_their_attributes(tmp_path: Path, make_card: MakeCard) -> None:
    huge = 2**53 + np.arange(6)
    frame = pd.DataFrame({"user": huge[[0, 0, 0, 1, 1]], "item": huge[[0, 1, 2, 3, 4]], "time": range(5)})
    frame.assign(colour=list("abcde")).to_parquet(tmp_path / "mine.parquet")
    card = make_card(fields=[{"name": "colour", "source": "item"}])
    prepared = prepare(card, tmp_path, source=tmp_path / "mine.parquet")
    assert table(prepared, "items").colour.tolist() == [0, 1, 2, 3, 4, 5]


def own_parquet(tmp_path: Path, make_card: MakeCard, frame: pd.DataFrame, **changes: object) -> Prepared:
    frame.to_parquet(tmp_path / "mine.parquet")
    return prepare(make_card(**changes), tmp_path, source=tmp_path / "mine.parquet")


def test_concatenated_frames_give_what_their_rows_say(tmp_path: Path, make_card: MakeCard) -> None:
    days = [
        pd.DataFrame({"user": list("uuuvv"), "item": list("abcdb"), "time": np.arange(5) + 10 * day})
        for day in range(2)
    ]
    days = [day.assign(place=[f"p{number}" for number in range(5 * n, 5 * n + 5)]) for n, day in enumerate(days)]
    columns = {"cohorts": [{"name": "place", "source": "row"}]}
    days[0] = pd.concat([days[0], pd.DataFrame({"user": ["w"], "item": ["e"], "time": [1], "place": ["p5"]})])
    repeating, plain = pd.concat(days), pd.concat(days, ignore_index=True)
    found = [own_parquet(tmp_path, make_card, frame, **columns).manifest.contents for frame in (repeating, plain)]
    assert found[0] == found[1]


def test_empty_ids_of_parquet_are_refused_like_those_of_csv(tmp_path: Path, make_card: MakeCard) -> None:
    frame = pd.DataFrame({"user": ["u", "", "v"], "item": list("abc"), "time": [1, 2, 3]})
    with pytest.raises(CtrbenchError, match=r"mine\.parquet, line 2: user is missing \(1 such lines\)"):
        own_parquet(tmp_path, make_card, frame)


def test_all_that_does_not_fit_is_named_at_once(prepare_text: PrepareText) -> None:
    card = {
        "options": {"user": "usr", "labels": {"click": "clickd", "time": "age"}},
        "fields": [{"name": "color", "source": "item"}, {"name": "age", "source": "item"}],
        "cohorts": [{"name": "plase", "source": "row"}],
    }
    with pytest.raises(CtrbenchError) as error:
        prepare_text(**card)
    for wrong in (
        "'usr'",
        "'clickd'",
        "'color'",
        "'plase'",
        "the name 'time' is taken",
        "made of column 'age', which is",
    ):
        assert str(error.value).count(wrong) == 1
    assert str(error.value).startswith("mine: 6 problems: (1) ")
    assert "\n" not in str(error.value)


def test_the_shipped_example_on_another_file_names_columns_and_days(prepare_text: PrepareText) -> None:
    example = read_card(shipped("datasets") / "example-card.toml").model_dump(exclude_none=True)
    with pytest.raises(CtrbenchError) as error:
        prepare_text("user,item,time\nu,a,2020-01-01\nu,b,2020-01-05\n", **example)
    wrong = ("user_id", "item_id", "clicked", "category", "page", "age", "advertiser")
    assert [name for name in wrong if f"unknown column '{name}'" not in str(error.value)] == []
    assert "split 'calendar' holds out 14 days, but the file spans 5: no day is left to train on" in str(error.value)
    assert str(error.value).startswith("my-data: 8 problems: ")


def test_the_rule_and_its_days_are_named_together_with_the_columns(prepare_text: PrepareText) -> None:
    numbers = {"source": "user", "cut": "quantiles", "buckets": ["low", "high"]}
    card = {
        "split": {"rule": "calendar", "test_days": 7, "validation_days": 7},
        "fields": [{"name": "color", "source": "item"}, {"name": "age", "source": "item"}],
    }
    with pytest.raises(CtrbenchError, match="split 'calendar' leaves no training clicks") as error:
        prepare_text(CLICKS + "u,a,10,red,30,home\n", **card)
    for wrong in ("'color'; did you mean", "item 'a' has several values of 'age'", "line 12: repeats user, item and"):
        assert wrong in str(error.value)
    card = {"cohorts": [numbers | {"name": "home", "column": "colour", "source": "item"}, numbers | {"name": "ages"}]}
    with pytest.raises(CtrbenchError, match=r"unknown column 'ages'.*'home': 'red' of column 'colour' is not a number"):
        prepare_text(**card)


def test_all_that_is_wrong_with_the_lines_is_named_at_once(prepare_text: PrepareText) -> None:
    with pytest.raises(CtrbenchError) as error:
        prepare_text("user,item,time,clicked,bought\n,a,1,1,2\nu,,-1,1,0\n", **LABELS)
    for wrong in ("line 2: user is", "line 3: item is", "line 3: time is", "line 2: label 'purchase' is neither"):
        assert wrong in str(error.value)


@pytest.mark.parametrize("kind", [{}, {"statistic": "sum"}])
def test_a_label_is_no_input(prepare_text: PrepareText, kind: dict[str, str]) -> None:
    source = "user" if kind else "row"
    field = {"name": "bought", "source": source, **kind}
    with pytest.raises(CtrbenchError, match="field 'bought' is made of column 'bought', which is the label 'purchase'"):
        prepare_text(IMPRESSIONS, fields=[field], **LABELS)


def test_two_things_are_not_one_column(prepare_text: PrepareText) -> None:
    with pytest.raises(CtrbenchError, match="column 'user' is named twice"):
        prepare_text(options={"item": "user"})


@pytest.mark.parametrize("label", ["x/../../ESCAPED", "n" * 300])
def test_a_label_s_name_leads_nowhere_else(prepare_text: PrepareText, label: str) -> None:
    with pytest.raises(CtrbenchError, match=r"options\.labels: .*of a label") as error:
        prepare_text(IMPRESSIONS, options={"labels": {label: "clicked"}})
    assert len(str(error.value)) < 200


def test_a_value_called_overall_is_no_group(prepare_text: PrepareText) -> None:
    with pytest.raises(
        CtrbenchError, match=r"cohort 'place', column 'place': a group is called 'overall'.*rename the val"
    ):
        prepare_text(CLICKS.replace("home", "overall"), cohorts=[{"name": "place", "source": "row"}])


def test_values_that_read_alike_are_no_two_groups(tmp_path: Path, make_card: MakeCard) -> None:
    frame = pd.DataFrame({"user": list("uuuvvv"), "item": list("abcdea"), "time": range(6), "place": ["home"] * 6})
    cohort = {"name": "place", "source": "row", "unknown": "home"}
    with pytest.raises(CtrbenchError, match="two groups are called 'home'"):
        own_parquet(tmp_path, make_card, frame, cohorts=[cohort])


ONE_CLASS = (
    "user,item,time,clicked\nu,a,0,1\nu,b,1,0\nu,c,86400,{validation}\nu,d,86401,1\nu,e,172800,1\nu,f,172801,{test}\n"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            ONE_CLASS.format(validation=1, test=0),
            "mine: validation rows with both values of label 'click' are needed, but",
        ),
        (ONE_CLASS.format(validation=0, test=1), "mine: test rows .* all 2 have the value 1; choose another split"),
        (ONE_CLASS.format(validation=0, test=0).replace("u,b,1,0", "u,b,1,1"), "mine: train rows .* have the value 1"),
    ],
)
def test_rows_of_one_class_are_refused(prepare_text: PrepareText, text: str, message: str) -> None:
    days = {"rule": "calendar", "test_days": 1, "validation_days": 1}
    card = {"split": days, "options": {"labels": {"click": "clicked"}}}
    assert prepare_text(ONE_CLASS.format(validation=0, test=0), **card).fresh
    with pytest.raises(CtrbenchError, match=message):
        prepare_text(text, **card)


@pytest.mark.parametrize(("keep", "stays"), [("first", ("p0", 0)), ("last", ("p2", 0)), ("positive", ("p1", 1))])
def test_which_of_the_duplicates_stays(prepare_text: PrepareText, keep: str, stays: tuple[str, int]) -> None:
    text = "user,item,time,clicked,bought,place\nu,a,1,0,0,p0\nu,b,2,1,0,x\nu,a,1,1,0,p1\nu,a,1,0,0,p2\nu,i,1.5,0,0,x\n"
    text += "".join(f"{user},{item},{day},{day % 2},0,x\n" for user in "vw" for day, item in enumerate("cdefgh", 3))
    text += "u,g,4,0,0,x\nu,h,5,1,0,x\nu,h,6,0,0,x\nu,d,7,1,0,x\n"
    columns = {"cohorts": [{"name": "place", "source": "row"}], **LABELS}
    prepared = prepare_text(text, duplicates="drop", keep=keep, **columns)
    place, click = stays
    first = table(prepared, "rows").iloc[0]
    assert (prepared.manifest.cohorts[0].values[int(first["place"])], int(first["click"])) == (place, click)
    with pytest.raises(
        CtrbenchError, match=r'duplicates = "drop" on the card, with keep = "positive": some of them diff'
    ):
        prepare_text(text, **columns)


def test_the_positive_of_data_without_labels(prepare_text: PrepareText) -> None:
    with pytest.raises(CtrbenchError, match='keep = "positive" needs labels; set "first" or "last" on the card'):
        prepare_text(duplicates="drop", keep="positive")


def test_advice_on_equal_duplicates_speaks_of_no_labels(prepare_text: PrepareText) -> None:
    with pytest.raises(CtrbenchError) as error:
        prepare_text(IMPRESSIONS + "v,e,40,1,1,home\n", **LABELS)
    assert str(error.value).endswith('mend the file or set duplicates = "drop" on the card')


def test_times_of_the_card_s_format(prepare_text: PrepareText) -> None:
    text = "user,item,time\nu,a,20200101\nu,b,20200102\nu,c,20200103\nv,d,20200103\n"
    with pytest.raises(CtrbenchError, match=r"mine\.csv: times such as 20200101 look like YYYYMMDD"):
        prepare_text(text)
    rows = table(prepare_text(text, options={"time_format": "%Y%m%d"}), "rows")
    assert rows[rows.click == 1].time.tolist() == [1577836800, 1577923200, 1578009600, 1578009600]
    with pytest.raises(
        CtrbenchError, match=r"options: time_format: 'days' is neither seconds nor milliseconds nor a for"
    ):
        prepare_text(text, options={"time_format": "days"})
    with pytest.raises(CtrbenchError, match=r"not a time .* mend the file or set options\.time_format on the card"):
        prepare_text("user,item,time\nu,a,31/12/2020\n")


def test_interactions_have_no_official_split(prepare_text: PrepareText) -> None:
    with pytest.raises(CtrbenchError, match=r"split 'official' needs a format with a test file; choose leave-last-out"):
        prepare_text(split={"rule": "official", "validation_share": 0.1})
