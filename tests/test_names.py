import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.names import check_name, problem_of_groups


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("label", "click"),
        ("cohort", "user_value_percentile"),
        ("field", "性别"),
        ("dataset", "amazon-beauty@negatives.exponent=0.25@ties=apart"),
        ("recipe", "run dataset=oncold-sim@scale=0.01"),
        ("file", "reviews_Beauty_5.json.gz"),
        ("group", "18-24, feed"),
        ("group", "Hair / Care"),
        ("label", "n" * 100),
    ],
)
def test_a_fit_name_is_itself(kind: str, name: str) -> None:
    assert check_name(kind, name) == name


@pytest.mark.parametrize("kind", ["label", "field", "cohort", "dataset", "recipe", "file"])
@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "x/../../ESCAPED", "/etc/passwd", "a\\b", "a\nb", "a\x00b", "a|b", "-x", " x", "x\n", "\udcff"],
)
def test_a_name_that_leads_elsewhere_is_refused_in_one_line(kind: str, name: str) -> None:
    with pytest.raises(CtrbenchError, match=f"not fit to be the name of a {kind}.*choose another") as error:
        check_name(kind, name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["label", "field", "cohort", "dataset", "recipe", "file", "group"])
@pytest.mark.parametrize("name", ["n" * 101, "n" * 300, "名" * 34])
def test_a_name_too_long_for_a_file_is_refused_in_one_short_line(kind: str, name: str) -> None:
    if kind == "dataset" and not name.isascii():
        pytest.skip("a dataset's name has small Latin letters only")
    with pytest.raises(CtrbenchError, match="too long") as error:
        check_name(kind, name)
    assert len(str(error.value)) < 150


@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        (["low", "high"], None),
        (["low", "overall"], "a group is called 'overall', the report's name for all rows together"),
        (["1", "1"], "two groups are called '1'"),
        (["low", ""], "'' is not fit to be the name of a group"),
        (["low", "a\nb"], "is not fit to be the name of a group"),
    ],
)
def test_groups(groups: list[str], problem: str | None) -> None:
    found = problem_of_groups(groups)
    assert found is None if problem is None else found is not None and problem in found
