"""Files as people have them: what is read, and what is refused with the line."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.problems import Problems
from ctrbench.prepare.tabular import Table, read

WANTED = ["user", "item", "time"]


def read_text(tmp_path: Path, text: str, **options: str) -> Table:
    path = tmp_path / "mine.csv"
    path.write_bytes(text.encode())
    return refused(path, **options)


def refused(path: Path, wanted: list[str] = WANTED, **options: str) -> Table:
    """The table, or what is wrong with it as an error."""
    problems = Problems("mine")
    table = read(path, wanted, problems, **options)  # type: ignore[arg-type]
    problems.refuse()
    return table


def test_the_named_columns_as_texts_with_their_lines(tmp_path: Path) -> None:
    table = read_text(tmp_path, "\ufeffitem,text,time,user\r\na,long,1,u\r\n\r\nb,,2,v\r\n\r\n")
    assert table.values[WANTED].to_numpy().tolist() == [["u", "a", "1"], ["v", "b", "2"]]
    assert set(table.values) == set(WANTED)
    assert table.line.tolist() == [2, 4]


@pytest.mark.parametrize("opener", [gzip, bz2, lzma])
def test_compressed(tmp_path: Path, opener: object) -> None:
    path = tmp_path / {gzip: "a.csv.gz", bz2: "a.csv.bz2", lzma: "a.csv.xz"}[opener]  # type: ignore[index]
    path.write_bytes(opener.compress(b"user,item,time\nu,a,1\n"))  # type: ignore[attr-defined]
    assert len(refused(path).values) == 1
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CtrbenchError, match="cannot be read as CSV or Parquet"):
        refused(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # pandas takes the first column for an index, and every value moves on by one.
        ("user,item,time\nu,a,1,\nv,b,2,\n", "mine.csv, line 2: 4 values, but the header has 3; mend the line"),
        ("user,item,time\nu,a,b,1\nv,b,c,2\n", "mine.csv, line 2: 4 values"),
        ("user,item,time\nu,a,1\nv,b, c,2\n", "mine.csv, line 3: 4 values"),
        ("user,item,time,text\nu,a,1,x\nv,b,2\n", "mine.csv, line 3: 3 values, but the header has 4"),
        ("user,item,time,\nu,a,1\n", "mine.csv, line 2: 3 values, but the header has 4"),
        # A lone quotation mark swallows the lines up to the next.
        ('user,item,time\nu,"a,1\nv,b,2\nw,"c,3\n', "mine.csv, line 2: "),
        ('user,item,time,text\nu,a,1,"x\nv,b,2,"y\nw,c,3,z\n', "mine.csv, line 2: "),
        ('user,item,time,text\nu,a,1,"x\nv,b,2,y\n', "mine.csv, line 2: unexpected end of data; mend the line"),
        (
            'user,item,time,text\nu,a,1,"x\nv,b,2,y"\n',
            "mine.csv, line 2: a quotation mark opens on this line and closes on line 3",
        ),
        ('user,item,time\nu,"a"b,1\n', "mine.csv, line 2: ',' expected after '\"'"),
        (
            "user,item,time\nu, a,1\nv,b ,2\n",
            "mine.csv, line 2: spaces around ' a' in column 'item' (columns item); mend",
        ),
        ("user, item,time\nu,a,1\n", "mine.csv, line 1: spaces around the column name ' item'; mend"),
        ("user,item,item,time\nu,a,b,1\n", "mine.csv: two columns are called 'item'; rename one"),
        ("usr,item,tme\nu,a,1\n", "mine: 2 problems: (1) mine.csv: unknown column 'user'; did you mean usr?"),
        ("", "mine.csv: cannot be read as CSV or Parquet (the file is empty); mend the file"),
        ("\n\n", "(the file is empty)"),
    ],
)
def test_a_file_that_would_be_read_wrongly_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CtrbenchError) as error:
        read_text(tmp_path, text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes("user,item,time\nü,a,1\n".encode("latin-1"))
    with pytest.raises(CtrbenchError, match=r"mine\.csv: cannot be read as CSV or Parquet \('utf-8' codec"):
        refused(tmp_path / "mine.csv")


def test_quotation_marks_as_the_card_says(tmp_path: Path) -> None:
    lone = 'user,item,time\nu,"a,1\nv,b,2\n'
    assert read_text(tmp_path, lone, quotes="none").values["item"].tolist() == ['"a', "b"]
    spanning = 'user,item,time,text\nu,a,1,"x\ny"\nv,b,2,z\n'
    table = read_text(tmp_path, spanning, quotes="multi-line")
    assert (table.values["user"].tolist(), table.line.tolist()) == (["u", "v"], [2, 4])
    quoted = 'user,item,time\n"u,1","a ""b""",1\n'
    assert read_text(tmp_path, quoted).values.to_numpy().tolist() == [["u,1", 'a "b"', "1"]]


def test_blanks_as_the_card_says(tmp_path: Path) -> None:
    table = read_text(tmp_path, 'user, item , time\n u , "a",1 \n  ,b,2\n', blanks="strip")
    assert table.values["item"].tolist() == ["a", "b"]
    assert table.values["user"].fillna("none").tolist() == ["u", "none"]


@pytest.mark.parametrize("name", ["mine.parquet", "mine.pq", "mine.PARQUET", "mine", "mine.csv"])
def test_parquet_is_known_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    pd.DataFrame({"user": [1, 2], "item": [3, 4], "time": [5, 6]}).to_parquet(tmp_path / name)
    table = refused(tmp_path / name)
    assert table.values.to_numpy().tolist() == [[1, 3, 5], [2, 4, 6]]
    assert table.line.tolist() == [1, 2]


@pytest.mark.parametrize("name", ["mine.pq", "mine.PARQUET"])
def test_what_is_called_parquet_and_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("user,item,time\nu,a,1\n")
    with pytest.raises(CtrbenchError, match=f"{name}: cannot be read as CSV or Parquet"):
        refused(tmp_path / name)


def test_a_stored_index_is_a_column_like_any_other(tmp_path: Path) -> None:
    half = pd.DataFrame({"user": [1, 2], "item": [3, 4], "time": [5, 6]})
    pd.concat([half, half + 10]).to_parquet(tmp_path / "repeating.parquet")
    assert refused(tmp_path / "repeating.parquet").values.index.tolist() == [0, 1, 2, 3]
    half.assign(user=["v", "u"]).set_index("user").to_parquet(tmp_path / "named.parquet")
    assert refused(tmp_path / "named.parquet").values["user"].tolist() == ["v", "u"]


def test_values_of_parquet_keep_what_they_are(tmp_path: Path) -> None:
    columns = {
        "user": pa.array([2**60 + 1, None], pa.int64()),
        "item": pa.array(["a", ""]).dictionary_encode(),
        "time": pa.array([b"x", b"y"], pa.binary()),
    }
    pq.write_table(pa.table(columns), tmp_path / "mine.parquet")
    values = refused(tmp_path / "mine.parquet").values
    assert values["user"][0] == 2**60 + 1
    assert values.isna().to_numpy().tolist() == [[False] * 3, [True, True, False]]
    assert values["time"].tolist() == ["x", "y"]


def test_every_kind_of_text_in_parquet_has_missing_values_where_it_is_empty(tmp_path: Path) -> None:
    kinds = {"user": pa.large_string(), "item": pa.string_view(), "time": pa.large_binary(), "a.b": pa.string()}
    pq.write_table(pa.table({name: pa.array(["x", ""]).cast(kind) for name, kind in kinds.items()}), tmp_path / "mine")
    values = refused(tmp_path / "mine", [*kinds]).values
    assert values.isna().to_numpy().tolist() == [[False] * 4, [True] * 4]


def test_lists_and_structures_are_refused(tmp_path: Path) -> None:
    columns = {"user": [[1], [2]], "item": [{"id": 1}, {"id": 2}], "time": [1, 2], "other": [[1], [2]]}
    pq.write_table(pa.table(columns), tmp_path / "mine.parquet")
    with pytest.raises(CtrbenchError, match=r"2 problems: .*'item' holds lists or structures.*'user' holds lists"):
        refused(tmp_path / "mine.parquet")


def test_an_empty_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({name: np.zeros(0) for name in WANTED}), tmp_path / "mine.parquet")
    assert refused(tmp_path / "mine.parquet").values.empty
