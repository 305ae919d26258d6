"""Ta Feng: the baskets of a grocery's customers, one CSV line per customer, product and day, in a zip archive.

Source: Ta Feng grocery data, November 2000 to February 2001. Every line is a click; a day's lines are a basket.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from ctrbench.data.schema import Manifest
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.assemble import assemble
from ctrbench.prepare.formats import Request
from ctrbench.prepare.raw import Raw, refuse
from ctrbench.strict import Strict

NAMES = {
    "TRANSACTION_DT": "date",
    "CUSTOMER_ID": "user",
    "AGE_GROUP": "age_group",
    "PIN_CODE": "area",
    "PRODUCT_SUBCLASS": "subclass",
    "PRODUCT_ID": "item",
    "AMOUNT": "amount",
    "SALES_PRICE": "spend",
}
"""Column of the file -> its name in this module. ``SALES_PRICE`` is the price of the whole amount."""


class Options(Strict):
    """Section ``[options]`` of a card of this format."""

    member: str
    """Name of the CSV file in the archive."""


def prepare(request: Request) -> Manifest:
    """The format ``ta-feng``."""
    options = Options.read(request.card.options, f"{request.card.name}: options")
    path = request.only_file()
    return assemble(request, raw_of(read(path, options.member), options.member))


def read(path: Path, member: str) -> pd.DataFrame:
    """The columns of :data:`NAMES` as texts, None where missing, and ``line``, the number of the line in the file.

    Raises:
        CtrbenchError: the zip archive is damaged or truncated, or lacks the member or a column.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            # Blank lines are read as rows, so that the numbers of rows and lines agree.
            table = pd.read_csv(
                file, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8-sig", skip_blank_lines=False
            )
    except KeyError:
        raise CtrbenchError(f"{path}: the archive has no {member}; pass the right archive by --source") from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CtrbenchError(
            f"{path}: damaged or not a zip of a CSV file ({reason}); delete it and get it again"
        ) from None
    if missing := [name for name in NAMES if name not in table]:
        raise CtrbenchError(f"{member}: no column {', '.join(missing)}; pass the right file by --source")
    return table[list(NAMES)].rename(columns=NAMES).assign(line=np.arange(2, len(table) + 2))


def raw_of(table: pd.DataFrame, file: str) -> Raw:
    """Purchases at midnight (UTC) of their day, with attributes of their customers, products and baskets.

    A customer's age group and area, and a product's subclass (255 products change it), are the earliest known values,
    so that no later row decides them.

    Raises:
        CtrbenchError: an amount or a price is missing or not a positive number.
    """
    midnight = pd.to_datetime(table["date"], format="%m/%d/%Y", errors="coerce", utc=True)
    interactions = table[["user", "item", "line"]].assign(
        time=(midnight - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    )
    amount, spend = (_positive(table, column, file) for column in ("amount", "spend"))
    rows = pd.DataFrame(
        {"spend": spend, "unit_price": spend / amount, "previous_basket": previous_basket(interactions)}
    )
    in_time = table.assign(area=table["area"].where(table["area"] != "Unknown")).iloc[
        np.argsort(interactions["time"].to_numpy(), kind="stable")
    ]
    return Raw(
        interactions=interactions,
        attributes={
            "user": in_time.groupby("user", sort=False)[["age_group", "area"]].first(),
            "item": in_time.groupby("item", sort=False)[["subclass"]].first(),
            "row": rows,
        },
        file=file,
    )


def previous_basket(interactions: pd.DataFrame) -> "pd.Series[float]":
    """Number of products in the basket of the customer's previous shopping day, NaN on the first day.

    The size of the row's own basket is known only after its products are chosen, so it would reveal the future.

    Args:
        interactions: columns ``user time``; all rows of a day have the same time.
    """
    size = interactions.groupby(["user", "time"]).size()
    before = size.groupby(level="user").shift().rename("before").reset_index()
    return interactions[["user", "time"]].merge(before, how="left", on=["user", "time"])["before"]


def _positive(table: pd.DataFrame, column: str, file: str) -> "pd.Series[float]":
    numbers = pd.to_numeric(table[column], errors="coerce").astype(np.float64)
    refuse(file, table, ~(np.isfinite(numbers) & (numbers > 0)), f"{column} is missing or not a positive number")
    return numbers
