"""The contract of every figure: a tidy frame made of records, and a drawing made of that frame alone, if any."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import pandas as pd
from matplotlib.figure import Figure as Drawing

from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.record import ReferenceRecord
from ctrbench.experiments.tables import Entry, TableSpec

Needs = Literal["runs", "references", "nothing"]


@dataclass(frozen=True)
class Material:
    """What an exhibit is made of."""

    spec: TableSpec
    variants: dict[str, dict[str, object]]
    """Of the recipe."""
    entries: Sequence[Entry]
    """Finished runs; none for an exhibit that needs none."""
    references: Sequence[ReferenceRecord]
    ledger: Ledger


class Exhibit(ABC):
    """Numbers without a picture; a subclass says what it needs and how it is read."""

    needs: ClassVar[Needs] = "runs"
    """``references``: ``ctrbench run`` trains nothing and measures the data alone; ``nothing``: it is a formula."""
    reading: ClassVar[str]
    """One sentence under it: what a number, a mark or a bar stands for."""

    @abstractmethod
    def frame(self, material: Material) -> pd.DataFrame:
        """The numbers, one row per mark or comparison.

        Raises:
            CtrbenchError: the records hold none of them.
        """

    def summary(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The few rows that a terminal and a page show; the frame itself, unless it is long."""
        return frame


class Figure(Exhibit):
    """An exhibit that is drawn."""

    @abstractmethod
    def draw(self, frame: pd.DataFrame) -> Drawing:
        """The picture, without title and footnote."""
