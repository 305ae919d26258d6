"""The Complete Journey, on Parquet files like the real ones."""

import pandas as pd
import pytest

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import shipped_card
from ctrbench.prepare.complete_journey import PURCHASES, raw_of, read
from ctrbench.prepare.stage import prepare

BOUGHT = [
    (household, product + 10 * household, quantity, value, f"2017-0{month}-{day:02d} {hour:02d}:00:00")
    for household in (1, 2, 3)
    for month, day, hour, product, quantity, value in (
        *((1, 1, 9, 100, 1, 2.0), (1, 1, 20, 100, 1, 2.0), (1, 1, 20, 101, 2, 6.0)),
        *((2, 3, 8, 100, 4, 4.0), (3, 4, 8, 102, 0, 0.0), (3, 4, 9, 103, 1, 1.0)),
    )
]
HOUSEHOLDS = [(1, "45-54", "50-74K", None, "Married", "2", "0"), (3, "65+", "Under 15K", "Renter", None, "1", "0")]
PRODUCTS = [(number, 7, "GROCERY", "Private", "MILK", None) for number in range(110, 134)]


def files(folder, bought=BOUGHT):
    folder.mkdir(exist_ok=True)
    purchases = pd.DataFrame(bought, columns=list(PURCHASES))
    purchases["transaction_timestamp"] = pd.to_datetime(purchases["transaction_timestamp"])
    purchases.to_parquet(folder / "transactions.parquet")
    names = ["household_id", "age", "income", "home_ownership", "marital_status", "household_size", "kids_count"]
    pd.DataFrame(HOUSEHOLDS, columns=names).to_parquet(folder / "demographics.parquet")
    names = ["product_id", "manufacturer_id", "department", "brand", "product_category", "product_type"]
    pd.DataFrame(PRODUCTS, columns=names).to_parquet(folder / "products.parquet")
    return folder


def prepared(tmp_path, name="complete-journey", **changed):
    source = files(tmp_path / "raw", **changed)
    done = prepare(shipped_card(name), tmp_path / "data", source=source, other_version=True)
    return Prepared.read(done.folder)


def test_a_history_holds_earlier_days_and_a_product_counts_once_a_day(tmp_path):
    found = prepared(tmp_path)
    own = found.rows["user"] == 1
    bought = own & (found.rows["click"] == 1)
    # Two products on the first day, one on the second, two on the last; the repeated product counts once.
    assert found.rows["length"][bought].tolist() == [0, 0, 2, 3, 3]


def test_households_without_demographics_are_unknown_or_left_out(tmp_path):
    cohort = next(each for each in prepared(tmp_path).manifest.cohorts if each.name == "age")
    assert set(cohort.values) == {"45-54", "65+", "age not known"}
    alone = prepared(tmp_path, "complete-journey-demographics")
    assert (alone.manifest.users, alone.manifest.name) == (2, "complete-journey-demographics")


def test_a_price_needs_a_quantity(tmp_path):
    purchases = read(files(tmp_path / "raw") / "transactions.parquet", PURCHASES)
    households = read(tmp_path / "raw" / "demographics.parquet", ("household_id", "age"))
    products = read(tmp_path / "raw" / "products.parquet", ("product_id", "brand"))
    raw = raw_of(purchases, households, products, "t")
    price = raw.attributes["row"]["unit_price"]
    assert price.iloc[:4].tolist() == [2.0, 2.0, 3.0, 1.0]
    assert pd.isna(price.iloc[4])
    assert (raw.interactions["time"] % 86_400 == 0).all()
    with pytest.raises(CtrbenchError, match="t, line 2: quantity is negative or not a number"):
        raw_of(purchases.assign(quantity=[1, -1] + [1] * 16), households, products, "t")
    texts = purchases.astype(dict.fromkeys(("quantity", "sales_value", "transaction_timestamp"), str))
    assert raw_of(texts, households, products, "t").interactions.equals(raw.interactions)
    with pytest.raises(CtrbenchError, match="t, line 1: quantity is negative or not a number"):
        raw_of(texts.assign(quantity=["one"] * 18), households, products, "t")
    with pytest.raises(CtrbenchError, match="t, line 1: transaction_timestamp is missing or no time"):
        raw_of(texts.assign(transaction_timestamp=["soon"] * 18), households, products, "t")


def test_damaged_files_and_missing_columns(tmp_path):
    folder = files(tmp_path / "raw")
    path = folder / "transactions.parquet"
    with pytest.raises(CtrbenchError, match=r"transactions.parquet: no column basket; pass the right file by --source"):
        read(path, ("basket",))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CtrbenchError, match=r"transactions.parquet: damaged or not a Parquet file"):
        read(path, PURCHASES)


def test_the_funnels_are_split_by_calendar_and_keep_their_labels_days_free():
    for name, days in (("ta-feng-funnel", 14), ("complete-journey-funnel", 28)):
        card, base = shipped_card(name), shipped_card(name.removesuffix("-funnel"))
        assert (card.split.rule, card.split.horizon_days, card.conversion.days) == ("calendar", days, days)
        same = {"name", "title", "split", "conversion"}
        assert card.model_dump(exclude=same) == base.model_dump(exclude=same)


def test_a_product_bought_again_within_four_weeks_is_a_conversion(tmp_path):
    weekly = [
        (household, 100 + 10 * household + month % household, 1, 2.0, f"2017-{month:02d}-{day:02d} 09:00:00")
        for household in (1, 2, 3)
        for month in range(1, 13)
        for day in (1, 8, 15, 22)
    ]
    found = prepared(tmp_path, "complete-journey-funnel", bought=weekly)
    assert found.manifest.labels == ("click", "conversion")
    rows = {name: column.numpy() for name, column in found.rows.items()}
    bought = rows["click"] == 1
    # Household 1 buys the same product every time; household 3 buys each of three products in every third month.
    assert rows["conversion"][bought & (rows["user"] == 1) & (rows["split"] >= 0)].all()
    third = bought & (rows["user"] == 3) & (rows["split"] == Split.TRAIN)
    assert rows["conversion"][third].tolist() == ([1, 1, 1, 0] * 12)[: third.sum()]
    assert not rows["conversion"][~bought].any()
