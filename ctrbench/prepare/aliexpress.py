"""AliExpress: search results with clicks and conversions, the Netherlands, France, the United States or Spain.

Source: Li et al., Improving Multi-Scenario Learning to Rank in E-commerce by Exploiting Task Relationships in the Label
Space, CIKM 2020; Tianchi dataset 74690. The files are the ``train.csv`` and ``test.csv`` in which multi-task benchmarks
publish it (Zhu et al., Learning to Expand Audience via Meta Hybrid Experts and Critics, KDD 2021). They name neither
users nor items: a *user* is a search, and the item is unknown.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pydantic import Field

from ctrbench.data.schema import Manifest, Split
from ctrbench.prepare.card import CLICK, MOST_BUCKETS, FieldSettings
from ctrbench.prepare.csv_batches import NUMBER, WHOLE, read
from ctrbench.prepare.encoders import MISSING
from ctrbench.prepare.formats import Request
from ctrbench.prepare.impressions import Impressions, assemble
from ctrbench.prepare.staging import CONVERSION, ITEM, USER
from ctrbench.strict import Strict

SEARCH = "search_id"
CATEGORICAL = tuple(f"categorical_{number}" for number in range(1, 17))
NUMERICAL = tuple(f"numerical_{number}" for number in range(1, 64))
FILES = {Split.TRAIN: "train.csv", Split.TEST: "test.csv"}


class Options(Strict):
    """Section ``[options]`` of a card of this format."""

    buckets: int = Field(ge=2, le=MOST_BUCKETS)
    """Buckets of each numerical column, with equal shares of the training rows; its edges come from them alone."""
    minimum_rows: int = Field(ge=1)
    """Training rows that a value of a categorical column needs; a rarer one is unknown (0)."""


def prepare(request: Request) -> Manifest:
    """The format ``aliexpress``.

    Raises:
        CtrbenchError: a file is damaged; see :func:`ctrbench.prepare.csv_batches.read`.
    """
    options = Options.read(request.card.options, f"{request.card.name}: options")
    fields = (
        *(FieldSettings(name=name, source="row") for name in CATEGORICAL),
        *(FieldSettings(name=name, source="row", quantiles=options.buckets) for name in NUMERICAL),
    )
    impressions = Impressions(batches=batches(request), fields=fields, minimum_rows=options.minimum_rows, pages=True)
    return assemble(request, impressions)


def batches(request: Request) -> Iterator[tuple[Split, pa.RecordBatch]]:
    """The rows of both files, as :class:`Impressions` describes them."""
    types = {
        **dict.fromkeys((SEARCH, CLICK, CONVERSION), WHOLE),
        **dict.fromkeys(CATEGORICAL, WHOLE),
        **dict.fromkeys(NUMERICAL, NUMBER),
    }
    for split, name in FILES.items():
        for batch in read(request.files[name], types):
            columns = {
                USER: batch.ids(SEARCH),
                ITEM: np.full(batch.columns.num_rows, MISSING),
                CLICK: batch.label(CLICK),
                CONVERSION: batch.label(CONVERSION),
                **{name: batch.ids(name) for name in CATEGORICAL},
                **{name: batch.columns[name] for name in NUMERICAL},
            }
            yield split, pa.RecordBatch.from_pydict(columns)
