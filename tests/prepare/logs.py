"""Generated files in the true formats of AliExpress and Ali-CCP, of any size.

The click depends on the first categorical and the first numerical column, or on the item, so that a model can learn it.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ctrbench.prepare.ali_ccp import VALUED
from ctrbench.prepare.aliexpress import CATEGORICAL, NUMERICAL

CHUNK = 100_000
TEST_SHARE = {"aliexpress": 0.3, "ali-ccp": 0.5}
"""As in the official files."""
ROWS_PER_KEY = 58
"""Impressions that share their common features, as in the official training file."""


def write_aliexpress(folder: Path, rows: int) -> None:
    """``train.csv`` and ``test.csv`` with ``rows`` rows together: searches of 1 to 20 results."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    test = round(rows * TEST_SHARE["aliexpress"])
    first = 0
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    for name, count in (("train.csv", rows - test), ("test.csv", test)):
        with (folder / name).open("wb") as file:
            file.write(",".join(("search_id", *CATEGORICAL, *NUMERICAL, "click", "conversion\n")).encode())
            for size in _chunks(count):
                table = _searches(random, size, first)
                csv.write_csv(table, file, options)
                first = table["search_id"][-1].as_py() + 1


def _chunks(count: int) -> Iterator[int]:
    for begin in range(0, count, CHUNK):
        yield min(CHUNK, count - begin)


def _searches(random: np.random.Generator, rows: int, first: int) -> pa.Table:
    sizes = random.integers(1, 21, rows)
    search = first + np.repeat(np.arange(rows), sizes)[:rows]
    sizes_of = random.integers(2, 60, len(CATEGORICAL))
    categorical = {name: random.zipf(1.5, rows) % size for name, size in zip(CATEGORICAL, sizes_of, strict=True)}
    numerical = {name: np.round(random.beta(1, 4, rows) * (random.random(rows) < 0.6), 6) for name in NUMERICAL}
    odds = 0.02 + 0.1 * (categorical["categorical_1"] == 1) * (numerical["numerical_1"] > 0.1)
    click = random.random(rows) < odds
    conversion = click & (random.random(rows) < 0.3)
    labels = {"click": click.astype(np.int8), "conversion": conversion.astype(np.int8)}
    return pa.table({"search_id": search, **categorical, **numerical, **labels})


def write_ali_ccp(folder: Path, rows: int) -> None:
    """The four official files with ``rows`` impressions together, 10 features each and about 150 common ones."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    test = round(rows * TEST_SHARE["ali-ccp"])
    for split, count in (("train", rows - test), ("test", test)):
        keys = [f"{number:016x}" for number in random.integers(0, 2**62, -(-count // ROWS_PER_KEY))]
        with (folder / f"common_features_{split}.csv").open("w", newline="") as file:
            file.writelines(_common(random, key) for key in keys)
        with (folder / f"sample_skeleton_{split}.csv").open("w", newline="") as file:
            sample = 0
            for size in _chunks(count):
                file.writelines(_skeleton(random, pa.array(keys), np.arange(sample, sample + size)))
                sample += size


def feature(field: str, number: object, value: object = "1.0") -> str:
    return f"{field}\x02{number}\x03{value}"


def line(*values: object, features: list[str]) -> str:
    """A line of a skeleton or of a file of common features."""
    return ",".join(map(str, (*values, len(features), "\x01".join(features)))) + "\n"


def _common(random: np.random.Generator, key: str) -> str:
    user = int(random.integers(1, 400_000))
    features = [feature("101", user)]
    features += [feature(field, 3_438_000 + user % 7) for field in ("121", "122", "124", "125", "127", "128", "129")]
    for field in VALUED[:4]:
        numbers, weights = random.integers(1, 100_000, 35).tolist(), random.random(35).round(5).tolist()
        features += [feature(field, number, weight) for number, weight in zip(numbers, weights, strict=True)]
    return line(key, features=features)


def _skeleton(random: np.random.Generator, keys: pa.Array, sample: np.ndarray) -> list[str]:
    rows = len(sample)
    item = random.zipf(1.2, rows) % 4_000_000
    click = random.random(rows) < 0.03 + 0.1 * (item % 2)
    conversion = (random.random(rows) < 0.01) & (click | (random.random(rows) < 0.01))
    ids = {"205": item, "206": item % 5000, "207": item % 200_000, "210": item % 9000, "216": item % 90_000}
    features = [_texts(field, number, "1.0") for field, number in ids.items()]
    features += [_texts(field, item % 7000, "0.69315") for field in VALUED[4:]]
    features += [_texts("301", 9_351_665 + sample % 3, "1.0")]
    lists = pc.binary_join_element_wise(*features, "\x01")
    key = keys.take(pa.array(sample // ROWS_PER_KEY))
    columns = (sample, click.astype(np.int8), conversion.astype(np.int8))
    numbers = [pc.cast(pa.array(column), pa.string()) for column in columns]
    lines = pc.binary_join_element_wise(*numbers, key, str(len(features)), lists, ",")
    return pc.binary_join_element_wise(lines, "\n", "").to_pylist()


def _texts(field: str, number: np.ndarray, value: str) -> pa.Array:
    return pc.binary_join_element_wise(field + "\x02", pc.cast(pa.array(number), pa.string()), "\x03" + value, "")
