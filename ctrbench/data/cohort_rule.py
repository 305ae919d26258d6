"""Cohorts as rules over columns, so that training can tell which rows of a batch belong to one. No torch.

A rule is a list of conditions that must all hold: ``age_group = 18-24`` names a group of a cohort column, and
``click_length in 3..10`` an interval of a number (:data:`ctrbench.data.schema.NUMBERS`) or of the codes of a cohort
column whose groups are in order, both ends included.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ctrbench.data.schema import NUMBERS, Cohort, Manifest
from ctrbench.errors import CtrbenchError
from ctrbench.registry import unknown

_INTERVAL = re.compile(r"^(?P<column>.+?) in (?P<least>[0-9]{1,18})\.\.(?P<most>[0-9]{1,18})$")
EQUALS = " = "


@dataclass(frozen=True)
class Condition:
    """The rows whose code or number in a column lies between two ends, both included."""

    column: str
    least: int
    most: int


Rule = tuple[Condition, ...]


def columns_of_rules(*rules: Iterable[str]) -> tuple[str, ...]:
    """The columns that some rules read, each once."""
    texts = (text for rule in rules for text in rule)
    return tuple(dict.fromkeys(_parsed(text)[0] for text in texts))


def read_rule(texts: Sequence[str], manifest: Manifest) -> Rule:
    """The conditions of a rule.

    Raises:
        CtrbenchError: a text is no condition, or names a column or a group that the dataset lacks.
    """
    cohorts = {cohort.name: cohort for cohort in manifest.cohorts}
    return tuple(_condition(text, cohorts, manifest.name) for text in texts)


def _parsed(text: str) -> tuple[str, str | tuple[int, int]]:
    """The column of a condition, and its group or its interval."""
    if match := _INTERVAL.match(text):
        return match["column"], (int(match["least"]), int(match["most"]))
    column, equals, group = text.partition(EQUALS)
    if not equals:
        raise CtrbenchError(f"cohort {text!r:.80}: want 'COLUMN = GROUP' or 'COLUMN in LEAST..MOST'")
    return column, group


def _condition(text: str, cohorts: dict[str, Cohort], dataset: str) -> Condition:
    column, wanted = _parsed(text)
    if column not in cohorts and column not in NUMBERS:
        raise CtrbenchError(f"{dataset}: {unknown('cohort', column, [*cohorts, *NUMBERS])}")
    if not isinstance(wanted, str):
        return Condition(column, *wanted)
    groups = cohorts[column].values if column in cohorts else ()
    if wanted not in groups:
        raise CtrbenchError(f"{dataset}: {unknown(f'group of cohort {column}', wanted, groups)}")
    code = groups.index(wanted)
    return Condition(column, code, code)


def interval(column: str, least: int, most: int) -> str:
    """The text of a condition."""
    return f"{column} in {least}..{most}"


def equals(column: str, group: str) -> str:
    """The text of a condition."""
    return f"{column}{EQUALS}{group}"
