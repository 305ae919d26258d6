"""RecBole's atomic files, on files like those of MovieLens 100K."""

import pytest

from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import shipped_card
from ctrbench.prepare.recbole import read
from ctrbench.prepare.stage import prepare

DAY = 86_400
RATINGS = [
    (user, item, rating, str(DAY * (1 + 30 * number) + second))
    for number, user in enumerate(("1", "2", "3"))
    for second, (item, rating) in enumerate((("10", "5"), ("11", "4"), ("12", "3"), ("13", "1")))
]
USERS = [("1", "24", "M", "technician", "1"), ("2", "53", "F", "other", "2"), ("3", "33", "M", "", "3")]
ITEMS = [
    *(("10", "A film", "1995", "Action Comedy"), ("11", "Other", "1990", "Drama")),
    *(("12", "Third", "", ""), ("13", '"Lone quote', "1980", "War")),
]
HEADERS = {
    "ml-100k.inter": "user_id:token item_id:token rating:float timestamp:float",
    "ml-100k.user": "user_id:token age:token gender:token occupation:token zip_code:token",
    "ml-100k.item": "item_id:token movie_title:token_seq release_year:token class:token_seq",
}


def files(folder, **changed):
    folder.mkdir(exist_ok=True)
    content = {"ml-100k.inter": RATINGS, "ml-100k.user": USERS, "ml-100k.item": ITEMS} | changed
    for name, rows in content.items():
        lines = ["\t".join(row) for row in (HEADERS[name].split(" "), *rows)]
        (folder / name).write_bytes("\r\n".join(lines).encode() + b"\r\n")
    return folder


def prepared(tmp_path, **changed):
    source = files(tmp_path / "raw", **changed)
    done = prepare(shipped_card("movielens-100k"), tmp_path / "data", source=source, other_version=True)
    return Prepared.read(done.folder)


def test_ratings_become_nested_labels_and_nothing_is_sampled(tmp_path):
    found = prepared(tmp_path)
    assert found.manifest.labels == ("click", "conversion")
    assert found.manifest.negatives.source == "impressions"
    assert found.rows["click"].tolist() == [1, 1, 0, 0] * 3
    assert found.rows["conversion"].tolist() == [1, 0, 0, 0] * 3
    # Only films rated 4 or more enter a history, and only those of earlier seconds.
    assert found.rows["length"].tolist() == [0, 1, 2, 2] * 3
    splits = [Split.TRAIN] * 4 + [Split.VALIDATION] * 4 + [Split.TEST] * 4
    assert found.rows["split"].tolist() == splits


def test_both_labels_train_alone_and_one_on_the_rows_of_the_other(tmp_path):
    found = prepared(tmp_path)
    tasks = {"tasks": ("click", "conversion"), "minimum_history": 0}
    both = Feed(found, DataSettings(**tasks)).training
    assert both.labels.tolist() == [[1, 1], [1, 0], [0, 0], [0, 0]]
    assert both.observed is None
    conditional = Feed(found, DataSettings(**tasks, given={"conversion": "click"})).training
    assert conditional.observed.tolist() == [[True, True], [True, True], [True, False], [True, False]]


def test_columns_of_several_words_also_give_their_first(tmp_path):
    table = read(files(tmp_path / "raw") / "ml-100k.item", ("item_id",))
    assert table["class"].dropna().tolist() == ["Action Comedy", "Drama", "War"]
    assert table["first_class"].dropna().tolist() == ["Action", "Drama", "War"]
    assert table["movie_title"].iloc[3] == '"Lone quote'


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("ml-100k.inter", [("1", "10", "5")], "ml-100k.inter, line 2: 3 values for 4 columns; mend the file"),
        ("ml-100k.inter", [("1", "10", "good", "1")], "ml-100k.inter, line 2: the rating is missing or not a number"),
        ("ml-100k.inter", [("1", "10", "5", "soon")], "ml-100k.inter, line 2: time is missing, negative or not a time"),
        ("ml-100k.inter", [], "ml-100k.inter: the file has no interactions"),
        ("ml-100k.user", [("1", "24")], "ml-100k.user, line 2: 2 values for 5 columns"),
    ],
)
def test_a_fault_names_file_and_line_and_writes_nothing(tmp_path, name, rows, message):
    with pytest.raises(CtrbenchError, match=message):
        prepared(tmp_path, **{name: rows})
    assert not (tmp_path / "data" / "movielens-100k").exists()


def test_a_title_may_hold_what_other_readers_take_for_the_end_of_a_line(tmp_path):
    path = files(tmp_path / "raw") / "ml-100k.item"
    path.write_bytes(path.read_bytes().replace(b'"Lone quote', "Next\u0085line\u2028".encode()))
    assert read(path, ("item_id",))["movie_title"].iloc[3] == "Next\u0085line\u2028"


def test_a_file_of_another_kind(tmp_path):
    folder = files(tmp_path / "raw")
    (folder / "ml-100k.inter").write_text("user_id:token\trating:float\trating:float\n1\t2\t3\n")
    with pytest.raises(CtrbenchError, match=r"ml-100k.inter: two columns are named 'rating'; rename one"):
        read(folder / "ml-100k.inter", ("user_id",))
    (folder / "ml-100k.inter").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CtrbenchError, match=r"ml-100k.inter: cannot be read as text"):
        read(folder / "ml-100k.inter", ("user_id",))
    (folder / "ml-100k.inter").write_text("")
    with pytest.raises(CtrbenchError, match=r"ml-100k.inter: no column user_id, rating; pass the right file"):
        read(folder / "ml-100k.inter", ("user_id", "rating"))


def test_other_counts_and_other_files_are_refused(tmp_path):
    source = files(tmp_path / "raw")
    with pytest.raises(CtrbenchError, match=r"ml-100k.inter"):
        prepare(shipped_card("movielens-100k"), tmp_path / "data", source=source)
