"""The same table in every format, read as a reader reads it."""

import csv
import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from ctrbench.report.build import build
from ctrbench.report.cells import COLUMNS
from ctrbench.report.formats import as_csv, as_json, latex, markdown
from ctrbench.report.terminal import as_text, show
from tests.report.conftest import BEAUTY, SPEC, entries, reference_records, run_records


@pytest.fixture
def report(beauty):
    return build(SPEC, entries(beauty[:-1]), reference_records(), ["amazon-beauty din aqcl seed 4"])


def squeezed(line):
    return " ".join(line.split())


LEVELS = """\
AUC (higher is better)
method overall non-active slightly-active highly-active
plain 0.7010 ± 0.0019 0.6810 ± 0.0019 0.7110 ± 0.0019 0.8010 ± 0.0019
icl 0.7010 ± 0.0015 0.6810 ± 0.0015 0.7110 ± 0.0015 0.8010 ± 0.0015
aqcl, 4 seeds 0.7092 ± 0.0013 0.6892 ± 0.0013 0.7192 ± 0.0013 0.8092 ± 0.0013
item popularity 0.5121 0.4921 0.5221 0.6121
random 0.4993 0.4793 0.5093 0.5993
oracle 0.8105 0.7905 0.8205 0.9105
"""

DIFFERENCES = """\
AUC against plain
method group RelaImpr change 95 % interval p direction
icl overall +0.02 % +0.0000 [-0.0006, +0.0007] 0.876 no difference
non-active +0.02 % +0.0000 [-0.0006, +0.0007] 0.876 no difference
"""

PAPER = """\
aqcl overall 0.7092 [0.7071, 0.7113] 0.7078 +0.0014 within +0.0122 agrees
non-active 0.6892 [0.6871, 0.6913] 0.6826 +0.0066 higher +0.0107 agrees
"""

PAPER_CUT = """\
method group direction
plain overall -
"""


@pytest.mark.parametrize(("width", "paper"), [(80, PAPER_CUT), (100, PAPER), (140, PAPER)])
def test_terminal_shows_whole_tables(report, width, paper):
    lines = as_text(report, width).splitlines()
    text = "".join(f"{squeezed(line)}\n" for line in lines)
    assert max(map(len, lines)) <= width
    assert all(part in text for part in (LEVELS, DIFFERENCES, paper))
    assert "1 of 15 runs missing: amazon-beauty din aqcl seed 4" in text


def test_narrow_terminal_cuts_tables_and_repeats_the_names(report):
    lines = as_text(report, 50).splitlines()
    assert max(map(len, lines)) <= 50
    assert [squeezed(line) for line in lines if line.startswith("method") and "active" in line][:2] == [
        *("method overall non-active", "method slightly-active highly-active")
    ]


def test_colours_only_repeat_what_words_say(report):
    coloured = Console(width=100, force_terminal=True, file=io.StringIO(), color_system="standard")
    with coloured.capture() as capture:
        show(report, coloured)
    assert "\x1b[32mwithin\x1b[0m" in capture.get()
    assert "within" in as_text(report)
    assert "\x1b" not in as_text(report)


def test_markup_in_names_is_text():
    records = [
        r.model_copy(update={"metrics": tuple(replace(m, group="[/red]") if m.group == "small" else m
                                              for m in r.metrics)})
        for r in run_records(BEAUTY)
    ]  # fmt: skip
    assert "[/red]" in as_text(build(SPEC, entries(records), [], by="brand size"))


def test_markdown(report):
    lines = [squeezed(line) for line in markdown(report).splitlines()]
    assert lines[0] == "# Activeness groups on Amazon Beauty"
    assert "> **1 of 15 runs missing: amazon-beauty din aqcl seed 4**" in lines
    assert "## amazon-beauty · din · 5 seeds" in lines
    assert "| random | 0.4993 | 0.4793 | 0.5093 | 0.5993 |" in lines
    assert "| icl | non-active | +0.02 % | +0.0000 | [-0.0006, +0.0007] | 0.876 | no difference |" in lines
    assert any(line.startswith("- **Protocol**: Per user in time order") for line in lines)


def test_latex(report):
    text = latex(report)
    lines = [squeezed(line) for line in text.splitlines()]
    assert lines[0] == r"% needs \usepackage{booktabs}"
    assert text.count(r"\small") == 5
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == text.count(r"\toprule") == 5
    assert r"\caption{amazon-beauty · din · 5 seeds. AUC against plain.}" in lines
    assert r"icl & overall & +0.02 \% & +0.0000 & [-0.0006, +0.0007] & 0.876 & no difference \\" in lines
    assert r"minimum\_history 1" in text
    assert "95 \\% t-intervals" in text


def test_csv(report):
    rows = list(csv.DictReader(io.StringIO(as_csv(report))))
    assert tuple(rows[0]) == COLUMNS
    assert ",".join(COLUMNS) == (
        "recipe,dataset,backbone,method,variant,group,metric,seeds,mean,std,ci_low,ci_high,base_delta,base_p,published,"
        "value_verdict,direction_verdict"
    )
    assert len(rows) == 3 * 4 * 3 + (1 + 1 + 2) * 4
    cell = next(c for c in report.cells if (c.method, c.group, c.metric) == ("aqcl", "overall", "auc"))
    row = next(r for r in rows if (r["method"], r["group"], r["metric"]) == ("aqcl", "overall", "auc"))
    numbers = [float(row[name]) for name in ("mean", "std", "ci_low", "ci_high", "base_delta", "base_p", "published")]
    assert numbers == [cell.mean, cell.std, *cell.interval, cell.difference.delta, cell.p, 0.7078]
    assert (row["seeds"], row["value_verdict"], row["direction_verdict"]) == ("4", "within", "improves (agrees)")
    oracle = next(r for r in rows if r["method"] == "oracle")
    assert (oracle["backbone"], oracle["seeds"], oracle["std"], oracle["value_verdict"]) == ("-", "0", "", "")


def test_csv_names_the_variant(beauty):
    found = build(SPEC, [*entries(beauty, "near, cold"), *entries(beauty, "far")], reference_records())
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert len(rows) == 2 * 3 * 4 * 3 + 16
    assert list(dict.fromkeys((row["variant"], row["method"]) for row in rows)) == [
        *(("near, cold", method) for method in BEAUTY),
        *(("far", method) for method in BEAUTY),
        *(("", reference) for reference in ("item popularity", "random", "oracle")),
    ]


def grids(found):
    (block,) = found.blocks
    return {grid.title: grid for grid in block.grids}


def test_rows_of_one_method_are_named_by_variant():
    near, far = (run_records({"plain": values}) for values in ([0.7, 0.71], [0.6, 0.61]))
    found = grids(build(SPEC, [*entries(near, "near"), *entries(far[:1], "far")], reference_records()))
    levels = found["AUC (higher is better)"]
    assert (levels.header[0], levels.keys) == ("variant", 1)
    names = ["near", "far, 1 seed", "item popularity", "random", "oracle"]
    assert [(row[0], row[1][:6]) for row in levels.rows] == list(
        zip(names, ["0.7050", "0.6000", "0.5121", "0.4993", "0.8105"], strict=True)
    )
    paper = found["AUC beside the paper"]
    assert (paper.header[:2], paper.keys) == (("variant", "group"), 2)
    assert [row[:2] for row in paper.rows if row[1] == "overall"] == [("near", "overall"), ("far", "overall")]
    # There is nothing to compare: every run is the base's.
    assert "AUC against plain" not in found


def test_rows_of_several_methods_are_named_by_variant_and_method(beauty):
    worse = run_records({name: [value - 0.1 for value in values] for name, values in BEAUTY.items()})
    found = grids(build(SPEC, [*entries(beauty, "near"), *entries(worse[:-1], "far")], reference_records()))
    levels, changes = found["AUC (higher is better)"], found["AUC against plain"]
    assert (levels.header[:3], levels.keys) == (("variant", "method", "overall"), 2)
    assert [row[:2] for row in levels.rows] == [
        *(("near", "plain"), ("near", "icl"), ("near", "aqcl")),
        *(("far", "plain"), ("far", "icl"), ("far", "aqcl, 4 seeds")),
        *(("-", "item popularity"), ("-", "random"), ("-", "oracle")),
    ]
    assert [row[2][:6] for row in levels.rows[:6]] == ["0.7010", "0.7010", "0.7094", "0.6010", "0.6010", "0.6092"]
    assert changes.header == ("variant", "method", "group", "RelaImpr", "change", "95 % interval", "p", "direction")
    assert changes.keys == 3
    gains = {row[:2]: row[3] for row in changes.rows if row[2] == "overall"}
    # The same change is a greater gain over the weaker base.
    assert list(gains) == [("near", "icl"), ("near", "aqcl"), ("far", "icl"), ("far", "aqcl")]
    assert float(gains["near", "aqcl"].split()[0]) == pytest.approx(4.2, abs=0.1)
    assert float(gains["far", "aqcl"].split()[0]) == pytest.approx(8.4, abs=0.3)


def test_the_terminal_says_a_variant_once_for_its_methods(beauty):
    worse = run_records({name: [value - 0.1 for value in values] for name, values in BEAUTY.items()})
    text = as_text(build(SPEC, [*entries(beauty, "near"), *entries(worse, "far")], []), 140)
    lines = [squeezed(line) for line in text.splitlines()]
    place = next(place for place, line in enumerate(lines) if line.startswith("far plain 0.6010"))
    assert [line.partition(" ±")[0] for line in lines[place + 1 : place + 3]] == ["icl 0.6010", "aqcl 0.6094"]
    assert any(line.startswith("far icl overall +0.04 %") for line in lines)


def test_json(report):
    document = json.loads(as_json(report))
    cell = next(c for c in document["cells"] if (c["method"], c["group"], c["metric"]) == ("aqcl", "overall", "auc"))
    assert cell["interval"] == pytest.approx([0.7071252988, 0.7112747012])
    assert set(cell["difference"]) == {"delta", "interval", "p"}
    assert document["missing"] == ["amazon-beauty din aqcl seed 4"]
    assert document["notes"]["Search"].startswith("20 trials")


def test_nothing_published_leaves_out_the_papers_table(beauty):
    spec = SPEC.model_copy(update={"published": None})
    report = build(spec, entries(beauty), [])
    assert [grid.title for grid in report.blocks[0].grids] == [
        *("AUC (higher is better)", "AUC against plain", "NE (lower is better)", "NE against plain")
    ]
    assert "A published AUC" not in dict(report.notes)["Reading"]
    assert report.incomplete is None


def test_many_missing_runs_are_counted(beauty):
    report = build(SPEC, entries(beauty[:5]), [], [f"run {number}" for number in range(10)])
    assert report.incomplete.startswith("10 of 15 runs missing: run 0; ")
    assert report.incomplete.endswith("run 5; and 4 more")


def test_a_run_in_two_rows_is_counted_once(beauty):
    rows = [*entries(beauty, "near"), *entries(beauty[:5], "far")]
    assert build(SPEC, rows, [], ["one"]).incomplete == "1 of 16 runs missing: one"


def test_one_seed_leaves_out_the_columns_that_need_more():
    text = as_text(build(SPEC, entries(run_records({name: values[:1] for name, values in BEAUTY.items()})), []))
    assert "amazon-beauty · din · 1 seed " in text
    lines = [squeezed(line) for line in text.splitlines()]
    assert "method group RelaImpr change" in lines
    assert "aqcl overall +3.93 % +0.0079" in lines
    assert not any("interval" in line for line in lines if line.startswith("method"))


def test_undefined_groups_show_dashes():
    text = as_text(build(SPEC, entries(run_records({"plain": [None, None]})), []))
    assert "plain - - - -" in [squeezed(line) for line in text.splitlines()]
