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


def test_the_example_is_valid_and_not_listed() -> None:
    assert read_card(places.shipped("datasets") / "example-card.toml").name == "my-data"
    assert "my-data" not in {card.name for card in list_cards()}


def test_a_misspelt_dataset_gets_the_nearest_name() -> None:
    with pytest.raises(CtrbenchError, match=r"did you mean amazon-beauty.*--card"):
        shipped_card("amazon-beaty")


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
        ({"negatives": {"exponent": -1}}, "negatives.exponent"),
        ({"sources": [{"file": "a", "sha256": "123"}]}, "sha256"),
        ({"sources": [{"file": "../a"}]}, "file"),
        ({"sources": [{"file": "a", "addresses": ["ftp://a"]}]}, "addresses"),
        ({"sources": [{"file": "a", "addresses": ["wheel:a#b"]}]}, "addresses"),
        ({"sources": [{"file": "a", "addresses": ["wheel:--pre==1#b"]}]}, "addresses"),
        ({"sources": [{"file": "a", "addresses": ["wheel:a==1"]}]}, "addresses"),
        ({"name": "downloads"}, "downloads"),
        ({"name": "../x"}, "name"),
        ({"fields": [{"name": "time", "source": "row"}]}, "'time'.*taken"),
        ({"fields": [{"name": "search_holdout", "source": "row"}]}, "'search_holdout'.*taken"),
        ({"cohorts": [{"name": "click_length", "source": "row"}]}, "'click_length'.*taken"),
        ({"fields": [{"name": "x", "source": "row"}, {"name": "x", "source": "item"}]}, "'x'.*taken"),
        ({"fields": [{"name": "x", "source": "row", "statistic": "sum"}]}, "of an item or a user, not of a row"),
        ({"fields": [{"name": "x", "source": "item", "quantiles": 1}]}, "quantiles"),
        ({"cohorts": [{"name": "x", "source": "row", "cut": "size"}]}, "names of buckets"),
        ({"cohorts": [{"name": "x", "source": "row", "buckets": ["a"]}]}, "no buckets"),
    ],
)
def test_a_wrong_key_or_value_is_named(make_card: MakeCard, changes: dict[str, object], message: str) -> None:
    with pytest.raises(CtrbenchError, match=message):
        make_card(**changes)


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
        ("amazon-beauty@ties.order=apart", "ties.order: ties is no section of a card"),
        ("amazon-beauty@ties", "ties: want PATH=VALUE"),
        ("amazon-beauty@", "name: string should match pattern"),
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
