"""Every number in the words of results/README.md is one of the reports and figures that its section links.

A number of four decimals must be one of theirs; with a sign, a change that they tell or the difference between two of
their means or published values. A p value must be one of theirs. This finds slips alone: a wrong number that is right
elsewhere in the section passes.
"""

import itertools
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from ctrbench.experiments.recipe import read_recipe
from ctrbench.experiments.tables import find_table

RESULTS = Path(__file__).parents[1] / "results"
ROW = ["dataset", "backbone", "group", "metric"]


def sections():
    parts = re.split(r"^## ", (RESULTS / "README.md").read_text("utf-8"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: part for part in parts if re.search(r"\d\.\d{4}\b", part)}


class Linked:
    """What stands behind the links of a section."""

    def __init__(self, section):
        links = re.findall(r"\]\(((?:reports|figures|found)/[^)#]+)\)", section)
        frames = [pd.read_csv((RESULTS / link).with_suffix(".csv")) for link in links if not link.startswith("found")]
        self.tables = [frame for frame in frames if "base_delta" in frame]
        self.figures = [frame for frame in frames if "base_delta" not in frame]
        self.texts = [(RESULTS / link).read_text("utf-8") for link in links if link.endswith((".md", ".toml"))]

    def changes(self):
        """Numbers that may carry a sign."""
        for text in self.texts:
            yield from map(float, itertools.chain(*re.findall(r"\[([-+]\d\.\d+), ([-+]\d\.\d+)\]", text)))
        for table in self.tables:
            yield from table["base_delta"].dropna()
            yield from (table["mean"] - table["published"]).dropna()
            for _, rows in table.groupby(ROW):
                yield from rows["published"].dropna() - rows.loc[rows["method"] == "plain", "published"].mean()
        for figure in self.figures:
            yield from figure.select_dtypes("number").stack()
        for _, rows in pd.concat(self.tables or [pd.DataFrame(columns=[*ROW, "method"])]).groupby([*ROW, "method"]):
            yield from differences(rows["mean"])

    def numbers(self):
        for table in self.tables:
            yield from table.select_dtypes("number").stack()
        for text in self.texts:
            yield from map(float, re.findall(r"^.* = (\d+\.\d+(?:e-?\d+)?)", text, re.MULTILINE))
        yield from self.changes()

    def p_values(self):
        return (p for table in self.tables for p in table["base_p"].dropna())


def differences(numbers):
    return (first - second for first, second in itertools.permutations(numbers.dropna(), 2))


def signed(numbers):
    return {f"{number:+.4f}" for number in numbers}


def unsigned(numbers, digits=4):
    return {f"{abs(number):.{digits}f}" for number in numbers}


@pytest.mark.parametrize("title", sections())
def test_a_number_of_the_text_is_a_number_of_a_report(title):
    section, linked = sections()[title], Linked(sections()[title])
    known = unsigned(linked.numbers()) | signed(linked.changes())
    told = re.findall(r"(?<![\d.])[-+]?\d\.\d{4}\b", section)
    assert [number for number in told if number not in known] == []
    for digits in (2, 3):
        p_values = unsigned(linked.p_values(), digits)
        assert [p for p in re.findall(rf"\bp (0\.\d{{{digits}}})\b", section) if p not in p_values] == []


def test_not_every_number_would_pass():
    section, linked = sections()["Table 2"], Linked(sections()["Table 2"])
    assert len(re.findall(r"\b\d\.\d{4}\b", section)) > 40
    known, changes = unsigned(linked.numbers()), signed(linked.changes())
    assert sum(f"{number / 10_000:.4f}" in known for number in range(6_600, 8_000)) < 700
    assert sum(f"{number / 10_000:+.4f}" in changes for number in range(-300, 300)) < 500


def kept_with_either_patience(recipe, method=None):
    """Dataset -> runs that keep the same epoch with either patience, and all runs, by the recipe's records."""
    epochs = {}
    for entry in find_table(read_recipe(recipe), RESULTS, RESULTS / "no data")[1]:
        config = entry.record.config
        alike = config.model_copy(update={"training": config.training.model_copy(update={"patience": 0})})
        if method in (None, config.method):
            own = epochs.setdefault((config.dataset, alike.model_dump_json()), {})
            own[config.training.patience] = entry.record.best_epoch
    assert all(set(own) == {1, 3} for own in epochs.values())
    runs = Counter(dataset for dataset, _ in epochs)
    same = Counter(dataset for (dataset, _), own in epochs.items() if own[1] == own[3])
    return {dataset: (same[dataset], count) for dataset, count in runs.items()}


def test_the_text_counts_the_runs_that_patience_changes():
    text = " ".join((RESULTS / "README.md").read_text("utf-8").split())
    oncold = "oncold-sim@scale=0.01"
    wanted = {"amazon-beauty": (28, 30), "ta-feng": (30, 30), oncold: (26, 30)}
    assert kept_with_either_patience("aqcl-table2-patience") == wanted
    assert "28 of table 2's 30 runs on Beauty, all 30 on Ta Feng and 26 of 30 on the simulated Oncold" in text
    for method in ("aqcl", "icl"):
        assert kept_with_either_patience("aqcl-table2-patience", method)[oncold] == (3, 5)
    assert kept_with_either_patience("aqcl-table2-patience", "dropoutnet")["amazon-beauty"] == (3, 5)
    assert kept_with_either_patience("aqcl-figure7c-patience", "aqcl") == {oncold: (11, 15)}
    assert "which moves four of the fifteen runs" in text
