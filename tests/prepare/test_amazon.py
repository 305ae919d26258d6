import gzip
import json
import os
from pathlib import Path

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.amazon import attributes, read_metadata, read_reviews
from ctrbench.prepare.card import shipped_card
from ctrbench.prepare.stage import prepare
from tests.prepare.conftest import table

PRODUCTS = [
    "{'asin': 'A1', 'categories': [['Beauty', 'Makeup', 'Nails', 'Nail Polish']], 'brand': 'L&#39;Oreal'}",
    "{'asin': 'A2', 'description': 'it\\'s', 'categories': [['Beauty', 'Skin Care']], 'brand': 'Unknown', 'price': 5}",
    "{'asin': 'A3', 'categories': [['Beauty']]}",
    "{'asin': 'A4', 'related': {'also_viewed': ['A1']}}",
]


def review(user: str, item: str, time: object) -> str:
    upstream = {"helpful": [0, 0], "reviewText": "good", "overall": 5.0, "reviewTime": "01 30, 2014"}
    return json.dumps({"reviewerID": user, "asin": item, "unixReviewTime": time, **upstream})


def write(path: Path, lines: list[str]) -> Path:
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return path


def test_reviews_with_upstream_keys(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", [review("U1", "A1", 5), review("U2", "A1", 6)])
    assert read_reviews(path).to_dict("list") == {
        "user": ["U1", "U2"],
        "item": ["A1", "A1"],
        "time": [5, 6],
        "line": [1, 2],
    }


def test_brand_and_category_levels(tmp_path: Path) -> None:
    found = read_metadata(write(tmp_path / "m.gz", PRODUCTS), {"A1", "A2", "A3", "A4", "A9"})
    found = found.astype(object).where(found.notna(), None)
    assert found.loc["A1"].tolist() == ["L'Oreal", "Makeup", "Nails", "Nail Polish"]
    assert found.loc["A2"].tolist() == [None, "Skin Care", None, "Skin Care"]
    assert found.loc["A3"].tolist() == [None] * 4
    assert found.loc["A4"].tolist() == [None] * 4


def test_metadata_of_2018(tmp_path: Path) -> None:
    products = [
        {
            "category": ["Beauty", "Makeup", "Nails", "Nail Polish"],
            "brand": "L&#39;Oreal",
            "asin": "A1",
            "also_buy": [],
        },
        {"asin": "A2", "category": ["Beauty", "Skin &amp; Care", "</span></span>", "Made in Italy"], "rank": None},
        {"asin": "A3", "category": [], "brand": "", "main_cat": "Beauty", "feature": True},
        {"asin": "A9", "category": ["Beauty", "Hair"]},
    ]
    path = write(tmp_path / "m.gz", [*map(json.dumps, products), '{"asin": "A5", "title": broken'])
    found = read_metadata(path, {"A1", "A2", "A3"})
    found = found.astype(object).where(found.notna(), None)
    assert found.index.tolist() == ["A1", "A2", "A3"]
    assert found.loc["A1"].tolist() == ["L'Oreal", "Makeup", "Nails", "Nail Polish"]
    assert found.loc["A2"].tolist() == [None, "Skin & Care", None, "Skin & Care"]
    assert found.loc["A3"].tolist() == [None] * 4


@pytest.mark.parametrize(
    "line", ["{'asin': 'B1', 'categories': [['Beauty', 'Hair']]}", '{"asin": "A1", "kind": ["Hair"]}']
)
def test_metadata_that_says_nothing_of_the_products_are_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(CtrbenchError, match=r"m\.gz: no brand or category for any of the 1 reviewed products"):
        read_metadata(write(tmp_path / "m.gz", [line]), {"A1"})


def test_other_products_are_passed_over_unparsed(tmp_path: Path) -> None:
    path = write(tmp_path / "m.gz", [*PRODUCTS, "{'asin': 'A5', 'title': broken"])
    assert read_metadata(path, {"A1"}).index.tolist() == ["A1"]


def test_no_code_in_metadata_is_run(tmp_path: Path) -> None:
    path = write(tmp_path / "m.gz", [f"{{'asin': 'A1', 'brand': open('{tmp_path}/made', 'w')}}"])
    with pytest.raises(CtrbenchError, match=r"m\.gz, line 1: not a product"):
        read_metadata(path, {"A1"})
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("line", ["{", "[1]", "5", '{"asin": "A1", "unixReviewTime": 5}', ""])
def test_a_line_that_is_no_review_is_named(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "r.gz", [review("U1", "A1", 5), line, review("U1", "A2", 5)])
    with pytest.raises(CtrbenchError, match=r"r\.gz, line 2: not a review"):
        read_reviews(path)


@pytest.mark.parametrize("line", ["{", "{}", "{'asin': 'A1', 'categories': [5]}", "{'asin': 'A1', 'brand': 5}"])
def test_a_line_that_is_no_product_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(CtrbenchError, match=r"m\.gz, line 1: not a product"):
        read_metadata(write(tmp_path / "m.gz", [line]), {"A1"})


def test_a_product_without_anything_is_unknown() -> None:
    assert set(attributes({"asin": "A1", "categories": [], "brand": None}).values()) == {None}


def test_truncated_and_foreign_files_are_named(tmp_path: Path) -> None:
    whole = write(tmp_path / "r.gz", [review(f"U{n}", "A1", n) for n in range(1000)]).read_bytes()
    for content in (whole[: len(whole) // 2], b"user,item\n", whole[:-8] + bytes(8), gzip.compress(b"\xff\xfe")):
        (tmp_path / "r.gz").write_bytes(content)
        with pytest.raises(CtrbenchError, match=r"r\.gz: damaged or not gzip .*get it again"):
            read_reviews(tmp_path / "r.gz")


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "reviews_Beauty_5.json.gz").write_bytes(content)
    write(tmp_path / "meta_Beauty.json.gz", PRODUCTS)
    with pytest.raises(CtrbenchError, match=r"reviews_Beauty_5\.json\.gz: the file has no interactions"):
        prepare(shipped_card("amazon-beauty"), tmp_path / "data", source=tmp_path)


def test_a_time_that_is_no_number_is_named(tmp_path: Path) -> None:
    write(tmp_path / "reviews_Beauty_5.json.gz", [review("U1", "A1", 5), review("U1", "A2", float("nan"))])
    write(tmp_path / "meta_Beauty.json.gz", PRODUCTS)
    with pytest.raises(CtrbenchError, match=r"reviews_Beauty_5\.json\.gz, line 2: time is missing"):
        prepare(shipped_card("amazon-beauty"), tmp_path / "data", source=tmp_path)


def test_another_version_of_the_data(tmp_path: Path) -> None:
    reviews = [review(f"U{u}", f"A{i}", 10 * i) for i in range(1, 5) for u in range(3) if (u + i) % 3]
    write(tmp_path / "reviews_Beauty_5.json.gz", reviews)
    write(tmp_path / "meta_Beauty.json.gz", PRODUCTS)
    card = shipped_card("amazon-beauty")
    with pytest.raises(CtrbenchError, match=r"counts differ.*users 22,363 -> 3.*--other-version"):
        prepare(card, tmp_path / "data", source=tmp_path)
    assert not list((tmp_path / "data").iterdir())
    manifest = prepare(card, tmp_path / "data", source=tmp_path, other_version=True).manifest
    assert (manifest.users, manifest.items, manifest.interactions) == (3, 4, 8)


@pytest.mark.skipif("CTRBENCH_RAW" not in os.environ, reason="CTRBENCH_RAW names no folder of raw data")
def test_the_real_files_give_table_1(tmp_path: Path) -> None:
    source = Path(os.environ["CTRBENCH_RAW"]) / "amazon-beauty"
    prepared = prepare(shipped_card("amazon-beauty"), tmp_path, source=source)
    manifest, rows = prepared.manifest, table(prepared, "rows")
    assert (manifest.users, manifest.items, manifest.interactions) == (22_363, 12_101, 198_502)
    assert {name: (part.rows, part.positives) for name, part in manifest.splits.items()} == {
        "train": (153_776, 153_776),
        "validation": (44_726, 22_363),
        "test": (44_726, 22_363),
    }
    assert ((rows.split == 0) & (rows.length > 0)).sum() == 131_413
    sizes = {field.name: field.size - 1 for field in manifest.fields}
    assert (sizes["category_2"], sizes["category_3"], sizes["category_leaf"]) == (6, 36, 195)
    assert manifest.activeness.cutoffs == (6, 13)
    clicks = rows[rows.click == 1]
    same_day = (clicks.user == clicks.user.shift()) & (clicks.time == clicks.time.shift())
    assert round(same_day.sum() / (clicks.user == clicks.user.shift()).sum(), 3) == 0.439
    assert round(same_day[clicks.split == 2].mean(), 3) == 0.435
