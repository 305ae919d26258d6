"""Large CSV files in batches: every kind of damage has a place."""

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare import csv_batches
from ctrbench.prepare.csv_batches import NUMBER, TEXT, WHOLE, read

TYPES = {"share": NUMBER, "search": WHOLE}
GOOD = "click,search,share\n1,7,0.5\n0,8,0.25\n"


def values(path, content, types=TYPES, **options):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    found = list(read(path, types, **options))
    return [(batch.line, batch.columns.to_pydict()) for batch in found]


@pytest.mark.parametrize("content", [GOOD, GOOD.replace("\n", "\r\n"), GOOD.rstrip("\n"), "\ufeff" + GOOD])
def test_line_ends_and_byte_order_marks_make_no_difference(tmp_path, content):
    assert values(tmp_path / "a.csv", content) == [(2, {"share": [0.5, 0.25], "search": [7, 8]})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD.replace("share", "shares"), "a.csv, line 1: no column 'share'; pass the right file by --source"),
        ("search,share,share\n", "a.csv, line 1: two columns are called 'share'"),
        (GOOD + "1,x,0.5\n", "a.csv, line 4, column 'search': 'x' is not a whole number; mend the file"),
        (GOOD + "1,7.5,0.5\n", "a.csv, line 4, column 'search': '7.5' is not a whole number"),
        (GOOD + "1,7,0.5x\n", "a.csv, line 4, column 'share': '0.5x' is not a number"),
        (GOOD + "1,7,nan\n", "a.csv, line 4, column 'share': the number is missing or not finite"),
        (GOOD + "1,,0.5\n", "a.csv, line 4, column 'search': the value is missing"),
        (GOOD + "1,9", "a.csv, line 4: 2 values for 3 columns .is the line cut off."),
        (GOOD + "1,9,", "a.csv, line 4, column 'share': the number is missing"),
        (GOOD + "1,9,0.5,1\n", "a.csv, line 4: 4 values for 3 columns"),
        (GOOD + "\n1,9,0.5\n", "a.csv, line 4, column 'share': the number is missing"),
        (GOOD.replace("7", '"7"'), "a.csv, line 2, column 'search': '\"7\"' is not a whole number"),
        ("click,search,share\n", "a.csv: the file has no rows"),
        ("", "a.csv, line 1: no column 'share'"),
        (b"\xff\xfe", "a.csv: cannot be read as CSV"),
    ],
)
def test_damage_is_named_with_line_and_column(tmp_path, content, message):
    with pytest.raises(CtrbenchError, match=message):
        values(tmp_path / "a.csv", content)


def test_lines_are_counted_through_all_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_batches, "BLOCK", 64)
    rows = "1,7,0.5\n" * 100
    found = values(tmp_path / "a.csv", "click,search,share\n" + rows)
    assert len(found) > 5
    assert [line for line, _ in found] == [2 + sum(len(c["share"]) for _, c in found[:n]) for n in range(len(found))]
    with pytest.raises(CtrbenchError, match="line 102, column 'search': 'x' is not a whole number"):
        values(tmp_path / "a.csv", f"click,search,share\n{rows}1,x,0.5\n")
    with pytest.raises(CtrbenchError, match="line 102: 1 values for 3 columns"):
        values(tmp_path / "a.csv", f"click,search,share\n{rows}1")
    with pytest.raises(CtrbenchError, match="line 102, column 'search': the value is missing"):
        values(tmp_path / "a.csv", f"click,search,share\n{rows}1,,0.5\n")


def test_a_file_without_a_header_has_the_names_that_are_given(tmp_path):
    types, names = {"key": TEXT, "share": NUMBER}, ("key", "share")
    assert values(tmp_path / "a.csv", "a,0.5\n,0.25\n", types, names=names) == [
        (1, {"key": ["a", ""], "share": [0.5, 0.25]})
    ]
    with pytest.raises(CtrbenchError, match=r"line 2, column 'share': 'x' is not a number"):
        values(tmp_path / "a.csv", "a,0.5\nb,x\n", types, names=names)
    with pytest.raises(CtrbenchError, match=r"line 1, column 'key': the value is not text in UTF-8"):
        values(tmp_path / "a.csv", b"\xff,0.5\n", types, names=names)


def test_labels_and_ids_have_a_range(tmp_path):
    (tmp_path / "a.csv").write_text("click,search\n0,1\n1,-1\n2,1\n")
    (batch,) = read(tmp_path / "a.csv", {"click": WHOLE, "search": WHOLE})
    with pytest.raises(CtrbenchError, match="line 4, column 'click': the label is neither 0 nor 1"):
        batch.label("click")
    with pytest.raises(CtrbenchError, match="line 3, column 'search': the value is negative"):
        batch.ids("search")
