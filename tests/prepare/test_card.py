from pathlib import Path

import pytest

from ctrbench import places
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import Card, list_cards, read_card, shipped_card
from ctrbench.prepare.formats import FORMATS
from tests.prepare.conftest import MakeCard


def test_every_shipped_card_is_named_after_its_file_and_has_a_known_format() -> None:
    cards = list_cards()
    assert {"amazon-beauty", "oncold-sim"} <= {card.name for card in cards}
    for card in cards:
        assert (places.shipped("datasets") / f"{card.name}.toml").is_file()
        assert callable(FORMATS.get(card.format))


@pytest.mark.parametrize("example", ["example-card", "minimal-card"])
def test_an_example_is_valid_and_not_listed(example: str) -> None:
    assert read_card(places.shipped("datasets") / f"{example}.toml").name == "my-data"
    assert "my-data" not in {card.name for card in list_cards()}


def test_a_misspelt_dataset_gets_the_nearest_name() -> None:
    with pytest.raises(CtrbenchError, match=r"did you mean amazon-beauty.*--card"):
        shipped_card("amazon-beaty")


CUT = {"name": "x", "source": "row", "cut": "quantiles", "buckets": ["low", "high"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"titel": "x"}, "titel.*did you mean title"),
        (
            {"fields": [{"name": "x", "source": "row", "colum": "y"}]},
            r"fields\.0\.colum.*did you mean fields\.0\.column",
        ),
        (
            {"cohorts": [{"name": "x", "source": "row"}, {"nam": "y"}]},
            r"cohorts\.1\.nam.*did you mean cohorts\.1\.name",
        ),
        ({"sources": [{"fiel": "a"}]}, r"sources\.0\.fiel.*did you mean sources\.0\.file"),
        ({"split": {"rule": "calender"}}, "split.rule"),
        ({"split": {"rule": "calendar"}}, "calendar needs test_days"),
        ({"split": {"rule": "leave-last-out", "test_days": 3}}, "belong to calendar"),
        ({"split": {"rule": "official"}}, "rule 'official' needs validation_share"),
        ({"split": {"rule": "last-day", "validation_share": 0.1}}, "rule 'last-day' has no validation_share"),
        ({"negatives": {"exponent": -1}}, "negatives.exponent"),
        ({"sources": [{"file": "a", "sha256": "123"}]}, "sha256"),
        ({"sources": [{"file": "../a"}]}, "file"),
        ({"sources": [{"file": "a", "addresses": ["ftp://a"]}]}, "addresses"),
        ({"sources": [{"file": "a", "addresses": ["wheel:a#b"]}]}, "addresses"),
        ({"sources": [{"file": "a", "addresses": ["wheel:--pre==1#b"]}]}, "addresses"),
        ({"sources": [{"file": "a", "addresses": ["wheel:a==1"]}]}, "addresses"),
        ({"name": "downloads"}, "downloads"),
        ({"name": "all"}, "cannot be called 'all'"),
        ({"name": "../x"}, "name"),
        ({"fields": [{"name": "time", "source": "row"}]}, "'time'.*taken"),
        ({"fields": [{"name": "search_holdout", "source": "row"}]}, "'search_holdout'.*taken"),
        ({"cohorts": [{"name": "click_length", "source": "row"}]}, "'click_length'.*taken"),
        ({"fields": [{"name": "x", "source": "row"}, {"name": "x", "source": "item"}]}, "'x'.*taken"),
        (
            {"fields": [{"name": "x", "source": "row", "statistic": "sum"}]},
            'a statistic needs source "item" or "user"; a row has none',
        ),
        ({"fields": [{"name": "x", "source": "item", "quantiles": 1}]}, "quantiles"),
        ({"cohorts": [{"name": "x", "source": "row", "cut": "size"}]}, "names of buckets"),
        ({"cohorts": [{"name": "x", "source": "row", "buckets": ["a"]}]}, "no buckets"),
        ({"fields": [{"name": "click", "source": "row"}]}, "the name 'click' of a field or cohort is taken; choose"),
        ({"cohorts": [{"name": "click", "source": "row"}]}, "the name 'click' of a field or cohort is taken; choose"),
        (
            {"cohorts": [{"name": "x/../../ESCAPED", "source": "row"}]},
            r"cohorts\.0\.name: 'x/../../ESCAPED' is not fit",
        ),
        ({"fields": [{"name": "x/../../ESCAPED", "source": "row"}]}, r"fields\.0\.name: 'x/../../ESCAPED' is not fit"),
        ({"fields": [{"name": "n" * 300, "source": "row"}]}, r"fields\.0\.name: the name 'n{40}…' .* too long"),
        ({"name": "n" * 300}, r"name: the name 'n{40}…' of a dataset is too long \(300 letters\)"),
        ({"sources": [{"file": ".."}]}, r"sources\.0\.file"),
        ({"cohorts": [CUT | {"buckets": ["low", "overall"]}]}, "a group is called 'overall'"),
        ({"cohorts": [CUT | {"buckets": ["low", "low"]}]}, "two groups are called 'low'"),
        ({"cohorts": [CUT | {"unknown": "low"}]}, "two groups are called 'low'"),
        ({"keep": "positive"}, 'keep = "positive" needs duplicates = "drop"'),
        ({"fields": [{"name": "x", "source": "item", "quantiles": 1_000_000_000}]}, "quantiles.*less than or equal"),
        ({"cohorts": [CUT | {"buckets": [f"b{i}" for i in range(1001)]}]}, "buckets.*at most 1000"),
        ({"negatives": {"exponent": 1e300}}, r"negatives\.exponent.*less than or equal to 10"),
        ({"negatives": {"exponent": float("nan")}}, r"negatives\.exponent"),
        ({"negatives": {"per_positive": 1_000_000}}, r"negatives\.per_positive.*less than or equal to 1000"),
        ({"negatives": {"per_positive": 0}}, r"negatives\.per_positive"),
        ({"negatives": {"seed": -1}}, r"negatives\.seed"),
        ({"negatives": {"seed": 2**70}}, r"negatives\.seed"),
        ({"seed": 2**70}, "seed"),
        ({"scale": float("inf")}, "scale"),
        ({"split": {"rule": "calendar", "test_days": -1, "validation_days": 1}}, r"split\.test_days"),
        ({"split": {"rule": "calendar", "test_days": 10**9, "validation_days": 1}}, r"split\.test_days"),
        ({"counts": {"users": -1, "items": 1, "interactions": 1}}, r"counts\.users"),
    ],
)
def test_a_wrong_key_or_value_is_named(make_card: MakeCard, changes: dict[str, object], message: str) -> None:
    with pytest.raises(CtrbenchError, match=message):
        make_card(**changes)


def test_all_that_is_wrong_with_a_card_is_named_at_once(make_card: MakeCard) -> None:
    with pytest.raises(CtrbenchError) as error:
        make_card(titel="x", ties="sideways", negatives={"exponent": -1, "seed": -1}, fields=[{"name": "time"}])
    for wrong in ("'titel'", "ties: input", "negatives.exponent: input", "negatives.seed: input"):
        assert str(error.value).count(wrong) == 1
    assert "\n" not in str(error.value)


def test_a_card_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    text = (places.shipped("datasets") / "minimal-card.toml").read_text("utf-8")
    (tmp_path / "card.toml").write_text(text, "utf-8-sig")
    assert read_card(tmp_path / "card.toml").name == "my-data"


def test_the_minimal_card_has_ten_lines() -> None:
    text = (places.shipped("datasets") / "minimal-card.toml").read_text("utf-8")
    assert len(text.splitlines()) == 10


def test_a_card_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text("name =")
    with pytest.raises(CtrbenchError, match=r"card\.toml: cannot be read"):
        read_card(tmp_path / "card.toml")


def test_the_digest_follows_what_decides_the_data_and_nothing_else(make_card: MakeCard) -> None:
    card: Card = make_card()
    mended = make_card(sources=[{"file": "mine.csv", "addresses": ["https://mirror"]}], citation="them")
    assert card.digest() == mended.digest()
    assert card.digest() != make_card(ties="hashed").digest()
    assert card.digest() != make_card(negatives={"seed": 1}).digest()


def test_a_name_with_changes_is_the_card_with_other_values() -> None:
    card, original = shipped_card("amazon-beauty@negatives.exponent=0.25@ties=apart"), shipped_card("amazon-beauty")
    assert (card.negatives.exponent, card.ties) == (0.25, "apart")
    assert (original.negatives.exponent, original.ties) == (0.0, "file-order")
    assert card.name == "amazon-beauty@negatives.exponent=0.25@ties=apart"
    assert card.title == f"{original.title}, negatives.exponent=0.25, ties=apart"
    changed = {"name", "title", "ties", "negatives"}
    assert card.model_dump(exclude=changed) == original.model_dump(exclude=changed)
    assert card.digest() != shipped_card("amazon-beauty@negatives.exponent=0.5@ties=apart").digest()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "amazon-beuty@ties=apart",
            "unknown dataset 'amazon-beuty'; did you mean amazon-beauty?; for data of your own",
        ),
        ("amazon-beauty@negatives.exponet=1", "unknown key 'negatives.exponet'; did you mean negatives.exponent?"),
        ("amazon-beauty@tie=apart", "with tie=apart: unknown key 'tie'; did you mean ties?"),
        ("amazon-beauty@like=ta-feng", "unknown key 'like'"),
        ("amazon-beauty@ties=sideways", "with ties=sideways: ties: input should be 'file-order', 'hashed' or 'apart'"),
        ("amazon-beauty@negatives.exponent=-1", "negatives.exponent: input should be greater than or equal to 0"),
        ("amazon-beauty@ties.order=apart", "ties.order: ties is not a section of a card"),
        ("amazon-beauty@ties", "ties: want PATH=VALUE"),
        ("amazon-beauty@", "name: 'amazon-beauty@' is not fit to be the name of a dataset"),
    ],
)
def test_a_change_that_no_card_can_have_is_one_line(name: str, message: str) -> None:
    with pytest.raises(CtrbenchError) as error:
        shipped_card(name)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_change_keeps_what_else_its_section_says() -> None:
    card, original = shipped_card("oncold-sim@split.test_days=5"), shipped_card("oncold-sim")
    assert card.split == original.split.model_copy(update={"test_days": 5})


def test_a_card_may_extend_a_shipped_one(tmp_path: Path) -> None:
    base, path = shipped_card("ta-feng"), tmp_path / "mine.toml"
    path.write_text('extends = "ta-feng"\nname = "mine"\n[negatives]\nexponent = 1.0\n')
    mine = read_card(path)
    assert (mine.name, mine.negatives.exponent, mine.negatives.seed) == ("mine", 1.0, 0)
    assert (mine.fields, mine.split, mine.counts) == (base.fields, base.split, base.counts)
    path.write_text('extends = ["ta-feng"]\nname = "mine"\n')
    with pytest.raises(CtrbenchError, match=r"mine.toml: extends: want the name of a dataset \(got \['ta-feng'\]\)"):
        read_card(path)
    path.write_text('extends = "ta-fen"\nname = "mine"\n')
    with pytest.raises(CtrbenchError, match=r"mine.toml: extends: unknown dataset 'ta-fen'; did you mean ta-feng"):
        read_card(path)


def test_a_variant_of_a_shipped_card_that_extends_another() -> None:
    card = shipped_card("complete-journey-demographics@negatives.exponent=0.5")
    assert (card.negatives.exponent, card.options["households"]) == (0.5, "with-demographics")
    assert card.counts
    assert card.counts.users == 801
