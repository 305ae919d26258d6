"""Assignments, as ``--set`` and the names of changed datasets have them."""

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.strict import parse_assignment


@pytest.mark.parametrize(
    ("text", "value"),
    [("a.b=2048", 2048), ("a.b=[64, 32]", [64, 32]), ("a.b=fixed", "fixed"), ('a.b="x=y"', "x=y"), ("a.b=true", True)],
)
def test_values_are_toml_or_a_bare_word(text, value):
    assert parse_assignment(text) == ("a.b", value)


@pytest.mark.parametrize("text", ["training.batch_size", "=3", " =3", ""])
def test_without_a_path_and_a_value(text):
    with pytest.raises(CtrbenchError) as error:
        parse_assignment(text)
    assert str(error.value) == f"{text}: want PATH=VALUE, such as training.batch_size=2048"
