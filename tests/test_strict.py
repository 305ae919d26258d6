"""Assignments, as ``--set`` and the names of changed datasets have them."""

import pytest
from pydantic import Field

from ctrbench.errors import CtrbenchError
from ctrbench.strict import Strict, parse_assignment


class Inner(Strict):
    size: int
    kind: int | tuple[str, ...] = 0


class Outer(Strict):
    name: str
    parts: tuple[Inner, ...] = ()
    table: dict[str, int] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "here: name: field required"),
        ({"nam": "x"}, "here: unknown key 'nam'; did you mean name?"),
        ({"name": 1, "parts": [{"size": "x"}, {"siz": 2}]}, None),
        ({"name": "x", "parts": [{"size": 1, "kind": 1.5}]}, "here: parts.0.kind"),
        ({"name": "x", "table": {"a": "x"}}, "here: table.a: input should be a valid integer (got 'x')"),
    ],
)
def test_every_wrong_place_of_a_document_is_named_once(document, message):
    with pytest.raises(CtrbenchError) as error:
        Outer.read(document, "here")
    found = str(error.value)
    if message is None:
        assert [part.partition(":")[0] for part in found.removeprefix("here: ").split("; ")] == [
            *("name", "parts.0.size", "unknown key 'parts.1.siz'", "did you mean parts.1.size?")
        ]
    else:
        assert found.startswith(message)
        assert found.count("input should") <= 1


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
