"""Every number in the words of results/README.md is one of the reports and figures that its section links.

A number of four decimals must be a value of theirs, a distance to a published value, or the difference of one method's
means between two inputs or settings; a p value must be one of theirs. This finds slips alone: a wrong number that is
right elsewhere in the section passes.
"""

import itertools
import re
from pathlib import Path

import pandas as pd
import pytest

RESULTS = Path(__file__).parents[1] / "results"


def sections():
    parts = re.split(r"^## ", (RESULTS / "README.md").read_text("utf-8"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: part for part in parts if re.search(r"\d\.\d{4}\b", part)}


def linked(section):
    """The tables of a section's reports and figures, and the numbers that stand elsewhere: intervals, searches."""
    links = re.findall(r"\]\(((?:reports|figures|found)/[^)#]+)\)", section)
    frames = [pd.read_csv((RESULTS / link).with_suffix(".csv")) for link in links if not link.startswith("found")]
    texts = [(RESULTS / link).read_text("utf-8") for link in links if link.endswith((".md", ".toml"))]
    intervals = [
        end for text in texts for pair in re.findall(r"\[([-+]\d\.\d+), ([-+]\d\.\d+)\]", text) for end in pair
    ]
    searches = [number for text in texts for number in re.findall(r"^.* = (\d+\.\d+(?:e-?\d+)?)", text, re.MULTILINE)]
    return frames, list(map(float, [*intervals, *searches]))


def values(frames):
    for frame in frames:
        yield from frame.select_dtypes("number").stack()
    tables = [frame for frame in frames if "published" in frame and "metric" in frame]
    for table in tables:
        yield from (table["mean"] - table["published"]).dropna()
        for _, rows in table.groupby(["dataset", "backbone", "group", "metric"]):
            yield from differences(rows.drop_duplicates("method")["published"].dropna())
    if tables:
        for _, rows in pd.concat(tables).groupby(["dataset", "backbone", "method", "group", "metric"]):
            yield from differences(rows["mean"].dropna())


def differences(numbers):
    return (first - second for first, second in itertools.combinations(numbers, 2))


def rounded(numbers, digits):
    return {f"{abs(number):.{digits}f}" for number in numbers}


@pytest.mark.parametrize("title", sections())
def test_a_number_of_the_text_is_a_number_of_a_report(title):
    section = sections()[title]
    frames, others = linked(section)
    known = rounded(itertools.chain(values(frames), others), 4)
    assert [number for number in re.findall(r"\b\d\.\d{4}\b", section) if number not in known] == []
    for digits in (2, 3):
        p_values = rounded(
            (p for frame in frames for p in frame.get("base_p", pd.Series(dtype=float)).dropna()), digits
        )
        told = re.findall(rf"\bp (0\.\d{{{digits}}})\b", section)
        assert [number for number in told if number not in p_values] == []


def test_not_every_number_would_pass():
    section = sections()["Table 2"]
    frames, others = linked(section)
    known = rounded(itertools.chain(values(frames), others), 4)
    assert len(re.findall(r"\b\d\.\d{4}\b", section)) > 40
    assert sum(f"{number / 10_000:.4f}" in known for number in range(6_600, 8_000)) < 700
