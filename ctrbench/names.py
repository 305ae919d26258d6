"""The rules for names that become part of a path, a command or a table's heading.

Datasets, recipes, labels, fields, cohorts, backbones and methods have names; a cohort's groups are values of the data
and may hold any text that fits on a line.
"""

import re
from collections.abc import Sequence

from ctrbench.errors import CtrbenchError

LONGEST = 100
"""Most bytes of a name in UTF-8: a file name may have 255 bytes and contain more than one name."""

OVERALL = "overall"
"""The report's group of all rows, and its column."""

ALL = "all"
"""Stands for every registered component, or every prepared dataset, where a recipe or an option lists names."""

WORD = (r"\w[\w.+-]*", "letters, digits and . _ + -, beginning with a letter, digit or _")
PATTERNS = {
    "dataset": (
        r"[a-z0-9][a-z0-9._-]*(@[\w.=+-]+)*",
        "lower-case letters, digits and . _ -, then changes such as @ties=apart",
    ),
    "recipe": (r"\w[\w .@=+-]*", "letters, digits, spaces and . _ @ = + -, beginning with a letter, digit or _"),
    "variant": (r"(?!\.+$)[^\x00-\x1f\x7f-\x9f/\\\u2028\u2029\ud800-\udfff]+", "text on one line, without / and \\"),
    "file": (r"\w[\w.+-]*", "letters, digits and . _ + -, without a folder"),
    "group": (r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", "at least one character, and no line break"),
}
"""Kind -> regular expression, and a phrase that says what it allows. Any other kind is a :data:`WORD`."""


def problem_of(kind: str, name: str) -> str | None:
    """A message that says what is wrong with a name; None for a valid name.

    Args:
        kind: what the name is for: a key of :data:`PATTERNS`, or any noun such as ``label``, ``field`` or ``cohort``.
        name: as written on a card or in a recipe.
    """
    pattern, allowed = PATTERNS.get(kind, WORD)
    shown = name if len(name) <= 40 else f"{name[:40]}…"
    if not re.fullmatch(pattern, name):
        return f"{shown!r} is not fit to be the name of a {kind}: it may have {allowed}"
    if len(name.encode()) > LONGEST:
        return f"the name {shown!r} of a {kind} is too long ({len(name)} letters); {LONGEST} are allowed"
    return None


def check_name(kind: str, name: str) -> str:
    """The name itself, if it may become part of a path.

    Raises:
        CtrbenchError: the name has characters that its kind does not allow, or is longer than :data:`LONGEST`.
    """
    if problem := problem_of(kind, name):
        raise CtrbenchError(f"{problem}; choose another")
    return name


def problem_of_groups(groups: Sequence[str]) -> str | None:
    """A message that says what is wrong with the names of a cohort's groups; None for valid names."""
    for name in groups:
        if problem := problem_of("group", name):
            return problem
        if name == OVERALL:
            return f"a group is called {OVERALL!r}, the report's name for all rows together"
    if repeated := next((name for name in groups if groups.count(name) > 1), None):
        return f"two groups are called {repeated!r}"
    return None
