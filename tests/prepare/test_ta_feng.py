import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import Card, shipped_card
from ctrbench.prepare.stage import Prepared, prepare
from ctrbench.prepare.ta_feng import previous_basket, raw_of, read
from tests.prepare.conftest import table

MEMBER = "ta_feng_all_months_merged.csv"
HEADER = "TRANSACTION_DT,CUSTOMER_ID,AGE_GROUP,PIN_CODE,PRODUCT_SUBCLASS,PRODUCT_ID,AMOUNT,ASSET,SALES_PRICE"
PURCHASES = """11/5/2000,007,25-29,115,100,0a,2,5,60
11/1/2000,007,25-29,115,100,0a,1,5,30
11/1/2000,007,25-29,115,200,0b,1,5,10
11/30/2000,007,25-29,115,300,0c,1,5,999
12/1/2000,007,25-29,115,200,0b,1,5,5000
12/1/2000,007,25-29,115,300,0d,4,5,8000
11/2/2000,08,,Unknown,200,0a,1,5,40
11/3/2000,08,,Unknown,200,0b,1,5,10
2/28/2001,9,>65,Others,300,0c,1,5,70
2/28/2001,9,>65,Others,200,0b,3,5,70
11/1/2000,10,30-34,221,400,0e,1,5,1
11/2/2000,10,30-34,221,400,0f,1,5,1
11/3/2000,10,30-34,221,400,0e,1,5,1""".splitlines()
"""Customers of four days, two, one and three; out of time order."""


def quoted(line: str) -> str:
    return ",".join(f'"{value}"' for value in line.split(","))


def archive(folder: Path, lines: list[str] = PURCHASES, header: str = HEADER, member: str = MEMBER) -> Path:
    """A file like the real one: a zipped CSV with BOM, quotes and CRLF."""
    text = "".join(quoted(line) + "\r\n" for line in (header, *lines))
    path = folder / "ta_feng.csv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(member, text.encode("utf-8-sig"))
    return path


@pytest.fixture
def card() -> Card:
    return shipped_card("ta-feng")


@pytest.fixture
def prepared(tmp_path: Path, card: Card) -> Prepared:
    return prepare(card, tmp_path / "data", source=archive(tmp_path), other_version=True)


def test_texts_keep_their_leading_zeros_and_empty_is_missing(tmp_path: Path) -> None:
    found = read(archive(tmp_path), MEMBER)
    assert found.iloc[0].tolist() == ["11/5/2000", "007", "25-29", "115", "100", "0a", "2", "60", 2]
    assert found["age_group"].isna().sum() == 2


def test_dates_are_month_day_year_and_prices_are_of_one_piece(tmp_path: Path) -> None:
    raw = raw_of(read(archive(tmp_path), MEMBER), MEMBER)
    days = (raw.interactions["time"] / 86_400).tolist()
    first = days[1]
    assert first == (np.datetime64("2000-11-01") - np.datetime64("1970-01-01")).astype(int)
    assert [day - first for day in days] == [4, 0, 0, 29, 30, 30, 1, 2, 119, 119, 0, 1, 2]
    assert raw.attributes["row"]["unit_price"].tolist()[:6] == [30, 30, 10, 999, 5000, 2000]


def test_what_is_known_of_a_key_is_the_first_in_time(tmp_path: Path) -> None:
    purchases = [*PURCHASES, "10/31/2000,9,60-64,106,150,0a,1,5,5", "10/30/2000,9,,Unknown,150,0z,1,5,5"]
    attributes = raw_of(read(archive(tmp_path, purchases), MEMBER), MEMBER).attributes
    assert attributes["user"].loc["9"].tolist() == ["60-64", "106"]
    assert attributes["user"].loc["08"].isna().all()
    assert attributes["item"]["subclass"][["0a", "0b", "0z"]].tolist() == ["150", "200", "150"]


def test_the_basket_is_that_of_the_day_before_and_does_not_see_its_own(tmp_path: Path) -> None:
    def baskets(purchases: list[str]) -> list[float]:
        return previous_basket(raw_of(read(archive(tmp_path, purchases), MEMBER), MEMBER).interactions).tolist()

    nan = np.nan
    np.testing.assert_array_equal(baskets(PURCHASES), [2, nan, nan, 1, 1, 1, nan, 1, nan, nan, nan, 1, 1])
    on_the_last_day = [*PURCHASES, "12/1/2000,007,25-29,115,200,0x,1,5,9"]
    np.testing.assert_array_equal(baskets(on_the_last_day), [*baskets(PURCHASES), 1])


def test_last_day_is_test_and_histories_hold_earlier_days(prepared: Prepared) -> None:
    rows = table(prepared, "rows").query("click == 1")
    # Ids follow the file: 0a=1, 0b=2, 0c=3, 0d=4, 0e=5, 0f=6; within a day the file's order.
    assert rows.item.tolist() == [1, 2, 1, 3, 2, 4, 1, 2, 3, 2, 5, 6, 5]
    assert rows.split.tolist() == [0, 0, 0, 1, 2, 2, 1, 2, 2, 2, 0, 1, 2]
    assert rows.length.tolist() == [0, 0, 2, 3, 4, 4, 0, 1, 0, 0, 0, 1, 2]
    assert table(prepared, "items").popularity.tolist() == [0, 2, 1, 0, 0, 1, 0]


def test_prices_and_spend_are_of_training_rows(prepared: Prepared) -> None:
    # Prices in training: 0a 30 and 30, 0b 10, 0e 1; those of 0b's other days and of 0c, 0d, 0f are not seen.
    price = table(prepared, "items").price.tolist()
    assert (price[3], price[4], price[6]) == (0, 0, 0)
    assert 0 < price[5] < price[2] < price[1]
    value = prepared.manifest.cohorts[0]
    assert [value.values[code].split(" (")[0] for code in table(prepared, "users").user_value[1:]] == [
        "low value",
        "no training day",
        "no training day",
        "low value",
    ]
    assert value.values[0] == "low value (to 100)"


def test_missing_age_and_area_are_groups_of_their_own(prepared: Prepared) -> None:
    users = table(prepared, "users")
    groups = {cohort.name: cohort.values for cohort in prepared.manifest.cohorts}
    assert groups["age"][users.age[2]] == "age not known"
    assert groups["area"][users.area[2]] == "area not known"
    assert (users.age_group[2], users.home_area[2]) == (0, 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2000-11-05,u,25-29,115,100,x,1,5,9", "time is missing, negative or not a time"),
        ("13/1/2000,u,25-29,115,100,x,1,5,9", "time is missing, negative or not a time"),
        (",u,25-29,115,100,x,1,5,9", "time is missing, negative or not a time"),
        ("11/5/2000,,25-29,115,100,x,1,5,9", "user is missing"),
        ("11/5/2000,u,25-29,115,100,,1,5,9", "item is missing"),
        ("11/5/2000,u,25-29,115,100,x,0,5,9", "amount is missing or not a positive number"),
        ("11/5/2000,u,25-29,115,100,x,one,5,9", "amount is missing or not a positive number"),
        ("11/5/2000,u,25-29,115,100,x,1,5,-9", "spend is missing or not a positive number"),
        ("11/5/2000,u,25-29,115,100,x,1,5,inf", "spend is missing or not a positive number"),
        ("11/5/2000,u,25-29,115,100", "amount is missing or not a positive number"),
        ("", "amount is missing or not a positive number"),
        ("11/5/2000,007,25-29,115,100,0a,1,5,9", "repeats user, item and time of an earlier line"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, card: Card, line: str, message: str) -> None:
    source = archive(tmp_path, [*PURCHASES, line, line and "2/1/2001,z,25-29,115,100,x,1,5,9"])
    with pytest.raises(CtrbenchError, match=rf"{MEMBER}, line 15: {message}"):
        prepare(card, tmp_path / "data", source=source, other_version=True)
    assert not list((tmp_path / "data").iterdir())


def test_foreign_and_damaged_archives_are_named(tmp_path: Path) -> None:
    path = archive(tmp_path, PURCHASES * 200)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for content in (b"", b"user,item\n", whole[: len(whole) // 2], bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(CtrbenchError, match=r"ta_feng\.csv\.zip: damaged or not a zip .*get it again"):
            read(path, MEMBER)


@pytest.mark.parametrize("content", [b"", b'"', b"a,b\n1,2\n1,2,3\n", b"\xff\xfe\x00"])
def test_a_member_that_is_no_csv_is_named(tmp_path: Path, content: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as file:
        file.writestr(MEMBER, content)
    with pytest.raises(CtrbenchError, match=r"t\.zip: damaged or not a zip of a CSV"):
        read(tmp_path / "t.zip", MEMBER)


def test_another_member_and_other_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(CtrbenchError, match=rf"the archive has no {MEMBER}; pass the right archive"):
        read(archive(tmp_path, member="other.csv"), MEMBER)
    with pytest.raises(CtrbenchError, match=rf"{MEMBER}: no column AMOUNT, SALES_PRICE; pass the right file"):
        read(archive(tmp_path, header=HEADER.replace("AMOUNT", "N").replace("SALES_PRICE", "P")), MEMBER)


def test_an_archive_without_purchases_is_named(tmp_path: Path, card: Card) -> None:
    with pytest.raises(CtrbenchError, match=rf"{MEMBER}: the file has no interactions"):
        prepare(card, tmp_path / "data", source=archive(tmp_path, []), other_version=True)


def test_another_file_is_refused_by_checksum_and_by_counts(tmp_path: Path, card: Card) -> None:
    source = archive(tmp_path)
    with pytest.raises(CtrbenchError, match=r"ta-feng: checksum of .*ta_feng\.csv\.zip differs \(want 8a1c1dd5"):
        prepare(card, tmp_path / "data", source=source)
    unchecked = card.model_copy(update={"sources": (card.sources[0].model_copy(update={"sha256": None}),)})
    with pytest.raises(CtrbenchError, match=r"counts differ.*users 32,266 -> 4, items 23,812 -> 6"):
        prepare(unchecked, tmp_path / "data", source=source)


def test_a_misspelt_option_is_named(tmp_path: Path, card: Card) -> None:
    wrong = card.model_copy(update={"options": {"membr": MEMBER}})
    with pytest.raises(CtrbenchError, match="ta-feng: options: unknown key 'membr'; did you mean member"):
        prepare(wrong, tmp_path / "data", source=archive(tmp_path), other_version=True)


@pytest.mark.skipif("CTRBENCH_RAW" not in os.environ, reason="CTRBENCH_RAW names no folder of raw data")
def test_the_real_file_gives_table_1_and_the_verified_splits(tmp_path: Path, card: Card) -> None:
    prepared = prepare(card, tmp_path, source=Path(os.environ["CTRBENCH_RAW"]) / "ta-feng")
    manifest, rows = prepared.manifest, table(prepared, "rows")
    assert (manifest.users, manifest.items, manifest.interactions) == (32_266, 23_812, 817_741)
    assert {name: (part.rows, part.positives) for name, part in manifest.splits.items()} == {
        "train": (427_564, 427_564),
        "validation": (296_608, 148_304),
        "test": (483_746, 241_873),
    }
    test = rows[(rows.split == Split.TEST) & (rows.click == 1)]
    assert (test.length == 0).sum() == 97_576
    assert manifest.activeness.cutoffs == (11, 50)
    sizes = {field.name: field.size - 1 for field in manifest.fields}
    assert (sizes["age_group"], sizes["home_area"], sizes["subclass"], sizes["price"], sizes["basket"]) == (
        *(10, 7, 1_998, 10, 5),
    )
    groups = {cohort.name: len(cohort.values) for cohort in manifest.cohorts}
    assert groups == {"user_value": 4, "age": 11, "area": 8, "seller_size": 3}
