"""Amazon product data: reviews as JSON lines, metadata as Python literals (2014) or JSON lines (2018), all gzipped.

Source: R. He, J. McAuley, WWW 2016 (2014); J. Ni, J. Li, J. McAuley, EMNLP 2019 (2018). Every review is a click;
ratings and texts are not read.
"""

import ast
import gzip
import html
import itertools
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from ctrbench.data.schema import Manifest
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.assemble import assemble
from ctrbench.prepare.formats import Request
from ctrbench.prepare.raw import Raw
from ctrbench.strict import Strict

ASIN = re.compile(r"""(['"])asin\1: ?(['"])(.*?)\2""")
JSON_OBJECT = re.compile(r'\{\s*"')
"""The start of a line of JSON; upstream's Python literals have single quotes around their keys."""


class Options(Strict):
    """Section ``[options]`` of a card of this format."""

    reviews: str
    """Name of the source file with the reviews."""
    metadata: str
    """Name of the source file with the products' brands and categories."""


def prepare(request: Request) -> Manifest:
    """The format ``amazon-reviews``."""
    options = Options.read(request.card.options, f"{request.card.name}: options")
    interactions = read_reviews(request.files[options.reviews])
    items = read_metadata(request.files[options.metadata], set(interactions["item"]))
    return assemble(request, Raw(interactions=interactions, attributes={"item": items}, file=options.reviews))


def read_reviews(path: Path) -> pd.DataFrame:
    """Columns ``user item time line`` of a file of reviews.

    Raises:
        CtrbenchError: the gzip file is damaged or truncated, or a line is not a review.
    """
    users, items, times = [], [], []
    for number, line in lines(path):
        try:
            review = json.loads(line)
            users.append(review["reviewerID"])
            items.append(review["asin"])
            times.append(review["unixReviewTime"])
        except (ValueError, KeyError, TypeError) as error:
            raise CtrbenchError(f"{path.name}, line {number}: not a review ({error!r}); get the file again") from None
    return pd.DataFrame({"user": users, "item": items, "time": times, "line": range(1, len(users) + 1)})


def read_metadata(path: Path, wanted: set[str]) -> pd.DataFrame:
    """Columns ``brand category_2 category_3 category_leaf`` of the wanted products, None where unknown.

    Raises:
        CtrbenchError: the gzip file is damaged or truncated, a line is not a product, or the file does not describe
            the wanted products.
    """
    products: dict[str, dict[str, str | None]] = {}
    for number, line in lines(path):
        # A literal takes 50 us to parse, and upstream's file has twenty products for each product in the 5-core.
        named = ASIN.search(line)
        if named and named[3] not in wanted:
            continue
        try:
            product = json.loads(line) if JSON_OBJECT.match(line) else ast.literal_eval(line.strip())
            products[product["asin"]] = attributes(product)
        except (ValueError, SyntaxError, KeyError, TypeError, AttributeError, MemoryError, RecursionError) as error:
            raise CtrbenchError(f"{path.name}, line {number}: not a product ({error!r}); get the file again") from None
    if wanted and not any(any(known.values()) for known in products.values()):
        raise CtrbenchError(
            f"{path.name}: no brand or category for any of the {len(wanted):,} reviewed products; pass the metadata "
            "of the same products, as published in 2014 or 2018"
        )
    columns = ["brand", "category_2", "category_3", "category_leaf"]
    return pd.DataFrame.from_dict(products, orient="index", columns=columns)


def attributes(product: dict[str, Any]) -> dict[str, str | None]:
    """Brand and the levels of the first category path; upstream writes ``Unknown`` for no brand.

    The path is the first of ``categories`` (2014), or ``category`` (2018), which ends at the first level that is
    markup.
    """
    brand = html.unescape(product.get("brand") or "").strip()
    levels = (product.get("categories") or [[]])[0] or product.get("category") or []
    levels = itertools.takewhile(lambda level: not level.startswith("<"), levels)
    path = [html.unescape(level) for level in levels]
    return {
        "brand": brand if brand not in ("", "Unknown") else None,
        "category_2": path[1] if len(path) > 1 else None,
        "category_3": path[2] if len(path) > 2 else None,
        "category_leaf": path[-1] if len(path) > 1 else None,
    }


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a gzipped text file.

    Raises:
        CtrbenchError: the gzip file is damaged or truncated, or its text is not UTF-8.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from enumerate(file, start=1)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise CtrbenchError(f"{path}: damaged or not gzip ({error}); delete it and get it again") from None
