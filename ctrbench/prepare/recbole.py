"""RecBole's atomic files: interactions, users and items as tab-separated text with typed names of columns.

Source: Zhao et al., RecBole: Towards a Unified, Comprehensive and Efficient Framework for Recommendation Algorithms,
CIKM 2021, section 3.1. Its package ships MovieLens 100K (F. M. Harper, J. A. Konstan, The MovieLens Datasets, ACM TiiS
2015) in this form. Ratings become labels: a label is 1 where the rating is at least the label's threshold.
"""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from ctrbench.data.schema import Manifest
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.assemble import assemble
from ctrbench.prepare.formats import Request
from ctrbench.prepare.raw import Raw, refuse
from ctrbench.strict import FieldName, Strict

USER, ITEM, RATING, TIME = "user_id", "item_id", "rating", "timestamp"
FIRST = "first_"
"""Before the name of a column that holds several words: its first word."""


class Options(Strict):
    """Section ``[options]`` of a card of this format."""

    interactions: str
    """Name of the source file with the ratings."""
    users: str
    """Name of the source file with the users' columns."""
    items: str
    """Name of the source file with the items' columns."""
    labels: dict[FieldName, float] = Field(min_length=1)
    """Label -> the rating from which it is 1; the first is the click."""


def prepare(request: Request) -> Manifest:
    """The format ``recbole``."""
    options = Options.read(request.card.options, f"{request.card.name}: options")
    ratings = read(request.files[options.interactions], (USER, ITEM, RATING, TIME))
    users = read(request.files[options.users], (USER,))
    items = read(request.files[options.items], (ITEM,))
    raw = raw_of(ratings, users, items, options.labels, options.interactions)
    return assemble(request, raw)


def read(path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    """A file's columns as texts, missing where empty, and ``line``; a column of several words also as its first word.

    Raises:
        CtrbenchError: the file is not text, lacks a column, or a line has more or fewer values than the header.
    """
    try:
        # Not splitlines, which also breaks lines at separators that a title may hold.
        lines = path.read_text("utf-8-sig").rstrip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CtrbenchError(f"{path.name}: cannot be read as text ({error}); get the file again") from None
    header, *rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if any(lines) else [[]]
    names, kinds = [name.partition(":")[0] for name in header], [name.partition(":")[2] for name in header]
    if missing := [name for name in needed if name not in names]:
        raise CtrbenchError(f"{path.name}: no column {', '.join(missing)}; pass the right file by --source")
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise CtrbenchError(f"{path.name}: two columns are named {twice[0]!r}; rename one")
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise CtrbenchError(
                f"{path.name}, line {number}: {len(row)} values for {len(names)} columns; mend the file"
            )
    table = pd.DataFrame(rows, columns=names, dtype=object).replace("", None)
    for name, kind in zip(names, kinds, strict=True):
        if kind == "token_seq":
            table[FIRST + name] = table[name].str.split(" ").str[0]
    return table.assign(line=np.arange(2, len(table) + 2))


def raw_of(ratings: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame, labels: dict[str, float], file: str) -> Raw:
    """Ratings with a column per label, and the attributes of users and items.

    Raises:
        CtrbenchError: a rating is not a number.
    """
    rating = pd.to_numeric(ratings[RATING], errors="coerce").astype(np.float64)
    refuse(file, ratings, ~np.isfinite(rating), "the rating is missing or not a number")
    interactions = ratings[[USER, ITEM, TIME, "line"]].rename(columns={USER: "user", ITEM: "item", TIME: "time"})
    return Raw(
        interactions=interactions.assign(**{label: (rating >= least).astype(int) for label, least in labels.items()}),
        attributes={"user": _by(users, USER), "item": _by(items, ITEM)},
        labels=tuple(labels),
        file=file,
    )


def _by(table: pd.DataFrame, key: str) -> pd.DataFrame:
    return table.drop_duplicates(key).set_index(key).drop(columns="line")
