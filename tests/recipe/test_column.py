import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.recipe.column import ColumnPart, parse_column, within


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("age_group", [("age_group", None)]),
        ("click_length/4", [("click_length", 4)]),
        ("age_group*brand/20*activeness", [("age_group", None), ("brand", 20), ("activeness", None)]),
        ("age * brand", [("age", None), ("brand", None)]),
        ("user value", [("user value", None)]),
        ("click_length/1000", [("click_length", 1000)]),
    ],
)
def test_factors(expression, parts):
    assert parse_column(expression) == tuple(ColumnPart(*part) for part in parts)


@pytest.mark.parametrize("buckets", ["0", "1", "1001", "1000000000", "1000000000000", "-3", "2.5", "x", ""])
def test_an_absurd_number_of_buckets(buckets):
    with pytest.raises(CtrbenchError, match=r"column 'age/.*': (want NAME|.* buckets; want 2 to 1,000)") as error:
        parse_column(f"age/{buckets}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("expression", ["", "*", "age*", "*age", "age**brand", "/4", "x/../../ESCAPED", "a/4/4"])
def test_what_is_no_expression(expression):
    with pytest.raises(CtrbenchError, match=r"want NAME, NAME/BUCKETS or NAME\*NAME"):
        parse_column(expression)


@pytest.mark.parametrize(
    ("expression", "column"),
    [
        ("within(surface)", "surface"),
        ("within(age*click_length/4)", "age*click_length/4"),
        ("surface", None),
        ("within(surface", None),
        ("within(within(surface))", None),
        ("within()", None),
        ("within(a)*within(b)", None),
    ],
)
def test_within_names_a_column(expression, column):
    assert within(expression) == column
