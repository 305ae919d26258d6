import pytest

from ctrbench.places import card_name, prepare_command

CHANGED = "amazon-beauty@negatives.exponent=0.25@ties=apart"


@pytest.mark.parametrize(
    ("dataset", "card"), [("amazon-beauty", "amazon-beauty"), (CHANGED, "amazon-beauty"), ("mine@a=b@c", "mine")]
)
def test_a_changed_dataset_has_the_name_of_its_card(dataset, card):
    assert card_name(dataset) == card


@pytest.mark.parametrize(
    ("name", "more"),
    [("amazon-beauty", ""), (CHANGED, ""), ("mine", " --source FILE --card CARD")],
)
def test_only_data_of_the_users_own_need_a_card(name, more):
    assert prepare_command(name) == f"ctrbench prepare {name}{more}"
