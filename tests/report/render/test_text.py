"""The same report in every format, read as a reader reads it."""

import csv
import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from ctrbench.errors import CtrbenchError
from ctrbench.report import render
from ctrbench.report.build import build
from ctrbench.report.cells import COLUMNS
from ctrbench.report.render import csv as csv_format
from ctrbench.report.render import html, latex, markdown, terminal
from ctrbench.report.render import json as json_format
from ctrbench.report.select import ReportData
from tests.report.records import BEAUTY, data, facts, recipe, records, references, rows


@pytest.fixture
def report(beauty):
    return build(data(rows(beauty[:-1]), references(), missing=["amazon-beauty din aqcl seed 4"]))


@pytest.fixture
def figure():
    """Of a formula: it needs no record."""
    return build(ReportData(recipe(title="Alpha [eq. 6]", published=None, views=[{"kind": "alpha-family"}])))


def named(beauty, *groups):
    """A report cut by a column whose two groups have these names."""
    own = facts().groups["click"]
    groups = {"click": own | {"brand size": own["brand size"].model_copy(update={"names": list(groups)})}}
    return build(data(rows(beauty, groups=groups)), "brand size")


def squeezed(line):
    return " ".join(line.split())


SUMMARY = """\
AUC of all rows (higher is better)
method AUC change 95 % interval verdict paper ours is its change
plain 0.7010 ± 0.0019 - - - 0.6956 higher -
icl 0.7010 ± 0.0015 +0.0000 [-0.0008, +0.0009] equivalent 0.7016 within contradicts
aqcl, 4 seeds 0.7092 ± 0.0013 +0.0085 [+0.0068, +0.0102] improves 0.7078 within agrees
"""

LEVELS = """\
AUC (higher is better)
method overall non-active slightly-active highly-active
plain 0.7010 ± 0.0019 0.6810 ± 0.0019 0.7110 ± 0.0019 0.8010 ± 0.0019
icl 0.7010 ± 0.0015 0.6810 ± 0.0015 0.7110 ± 0.0015 0.8010 ± 0.0015
aqcl, 4 seeds 0.7092 ± 0.0013 0.6892 ± 0.0013 0.7192 ± 0.0013 0.8092 ± 0.0013
item popularity 0.5121 0.4921 0.5221 0.6121
item id 0.6491 0.6291 0.6591 0.7491
random 0.4993 0.4793 0.5093 0.5993
oracle 0.8105 0.7905 0.8205 0.9105
"""

DIFFERENCES = """\
AUC against plain
method group RelaImpr change 95 % interval p verdict
icl overall +0.02 % +0.0000 [-0.0008, +0.0009] 1.000 equivalent
non-active +0.02 % +0.0000 [-0.0008, +0.0009] 1.000 equivalent
"""

PAPER = """\
aqcl overall 0.7092 [0.7071, 0.7113] 0.7078 +0.0014 within +0.0122 agrees
non-active 0.6892 [0.6871, 0.6913] 0.6826 +0.0066 higher +0.0107 agrees
"""

PAPER_CUT = """\
method group beside ours
plain overall -
"""


def test_the_terminal_begins_with_a_summary_and_how_to_see_the_rest(report):
    lines = terminal.text(report).splitlines()
    text = "".join(f"{squeezed(line)}\n" for line in lines)
    assert SUMMARY.partition("plain")[0] in text
    assert "icl 0.7010 ± 0.0015 +0.0000 [-0.0008, +0.0009] equivalent 0.7016 within contradicts" in text
    assert "1 of 15 runs missing: amazon-beauty din aqcl seed 4" in text
    assert "Caution: some comparisons rest on 4 seeds" in text
    assert "ctrbench report …/aqcl-beauty.toml --full" in text
    assert "highly-active 0.8" not in text
    assert len(lines) < 30


@pytest.mark.parametrize(("width", "paper"), [(80, PAPER_CUT), (100, PAPER), (140, PAPER)])
def test_in_full_the_terminal_shows_whole_tables(report, width, paper):
    lines = terminal.text(report, width, full=True).splitlines()
    text = "".join(f"{squeezed(line)}\n" for line in lines)
    assert max(map(len, lines)) <= width
    assert all(part in text for part in (LEVELS, DIFFERENCES, paper))
    assert "Software python 3.11.9" in text


def test_a_narrow_terminal_cuts_tables_and_repeats_the_names(report):
    lines = terminal.text(report, 50, full=True).splitlines()
    assert max(map(len, lines)) <= 50
    assert [squeezed(line) for line in lines if line.startswith("method") and "active" in line][:2] == [
        *("method overall non-active", "method slightly-active highly-active")
    ]


def test_colours_only_repeat_what_words_say(report):
    coloured = Console(width=100, force_terminal=True, file=io.StringIO(), color_system="standard")
    with coloured.capture() as capture:
        terminal.show(report, coloured)
    assert re.search("\x1b\\[32m *within\x1b\\[0m", capture.get())
    assert "within" in terminal.text(report)
    assert "\x1b" not in terminal.text(report)


def test_a_terminal_without_utf_8_gets_letters_that_it_has(beauty):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    terminal.show(named(beauty, "größer", "中"), Console(width=100, file=file), full=True)
    file.flush()
    text = raw.getvalue().decode("ascii")
    assert "0.7010 +- 0.0019" in text
    assert "gr??er" in text
    assert "amazon-beauty - din - 5 seeds" in text


def test_brackets_are_no_markup(beauty):
    text = terminal.text(named(beauty, "[/red]", "[bold]x"), full=True)
    assert "[/red]" in text
    assert "[bold]x" in text
    titled = build(data(rows(beauty), of=recipe(title="[link] a [/b]")))
    assert terminal.text(titled).startswith("[link] a [/b]\n")


def test_the_terminal_says_a_variant_once_for_its_methods(beauty):
    worse = records({name: [value - 0.1 for value in own] for name, own in BEAUTY.items()})
    text = terminal.text(build(data([*rows(beauty, "near"), *rows(worse, "far")])), 140, full=True)
    lines = [squeezed(line) for line in text.splitlines()]
    place = next(place for place, line in enumerate(lines) if line.startswith("far plain 0.6010 ± 0.0019 0.5810"))
    assert [line.partition(" ±")[0] for line in lines[place + 1 : place + 3]] == ["icl 0.6010", "aqcl 0.6094"]
    assert any(line.startswith("far icl overall +0.04 %") for line in lines)


def test_markdown_has_the_summary_first_and_everything_after_it(report):
    lines = [squeezed(line) for line in markdown.page(report).splitlines()]
    assert lines[0] == "# Activeness groups on Amazon Beauty"
    headings = [line for line in lines if line.startswith("## ")]
    assert headings == ["## Summary", "## amazon-beauty · din · 5 seeds", "## How these numbers were obtained"]
    assert "> **1 of 15 runs missing: amazon-beauty din aqcl seed 4**" in lines
    assert any(line.startswith("> **Caution: some comparisons rest on 4 seeds") for line in lines)
    assert "| random | 0.4993 | 0.4793 | 0.5093 | 0.5993 |" in lines
    assert "| icl | non-active | +0.02 % | +0.0000 | [-0.0008, +0.0009] | 1.000 | equivalent |" in lines
    assert any(line.startswith("- **Protocol**: Per user in time order") for line in lines)


def test_a_bar_within_a_value_does_not_break_a_markdown_table(beauty):
    page = markdown.page(named(beauty, "a|b", "two\nlines"))
    line = next(line for line in page.splitlines() if line.startswith("| method") and r"a\|b" in line)
    assert "two lines" in line
    assert len(re.split(r"(?<!\\)\|", line)) == 2 + 4


def test_markdown_shows_the_picture_of_a_figure(figure):
    lines = markdown.page(figure).splitlines()
    assert r"![Alpha \[eq. 6\]](../figures/aqcl-beauty.png)" in lines
    assert any(line.startswith("R(L) = exp(-w1 (L / Lbar)^w2)") for line in lines)


def test_latex(report, figure):
    text = latex.page(report)
    lines = [squeezed(line) for line in text.splitlines()]
    assert lines[0] == r"% needs \usepackage{booktabs}"
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == text.count(r"\toprule") == 6
    assert r"\caption{amazon-beauty · din · 5 seeds. AUC against plain.}" in lines
    assert r"icl & overall & +0.02 \% & +0.0000 & [-0.0008, +0.0009] & 1.000 & equivalent \\" in lines
    assert r"minimum\_history 1" in text
    assert "Student's t" in text
    drawn = latex.page(figure)
    assert drawn.startswith("% needs \\usepackage{booktabs,graphicx}")
    assert "\\includegraphics[width=\\linewidth]{../figures/aqcl-beauty.png}" in drawn


def test_csv_has_one_row_per_cell_in_full_precision(report):
    found = list(csv.DictReader(io.StringIO(csv_format.page(report))))
    assert tuple(found[0]) == COLUMNS
    assert ",".join(COLUMNS) == (
        "recipe,dataset,backbone,method,variant,task,group,metric,seeds,mean,std,ci_low,ci_high,base_delta,"
        "delta_low,delta_high,delta_error_training,delta_error_users,base_p,margin,detectable,published,published_delta,"
        "value_verdict,effect,agreement,seeds_to_decide"
    )
    assert len(found) == 3 * 4 * 4 + (1 + 1 + 1 + 2) * 4
    cell = next(c for c in report.cells if (c.method, c.group, c.metric) == ("aqcl", "overall", "auc"))
    row = next(r for r in found if (r["method"], r["group"], r["metric"]) == ("aqcl", "overall", "auc"))
    numbers = [float(row[name]) for name in ("mean", "std", "ci_low", "ci_high", "base_delta", "base_p", "published")]
    assert numbers == [cell.mean, cell.std, *cell.interval, cell.difference.value, cell.p, 0.7078]
    assert (row["task"], row["seeds"], row["value_verdict"]) == ("click", "4", "within")
    assert (row["effect"], row["agreement"], row["margin"]) == ("improves", "agrees", "0.005")
    assert [float(row[name]) for name in ("delta_low", "delta_high")] == list(cell.delta_interval)
    oracle = next(r for r in found if r["method"] == "oracle")
    assert (oracle["backbone"], oracle["seeds"], oracle["std"], oracle["value_verdict"]) == ("-", "0", "", "")


def test_csv_names_the_variant(beauty):
    found = build(data([*rows(beauty, "near, cold"), *rows(beauty, "far")], references()))
    made = list(csv.DictReader(io.StringIO(csv_format.page(found))))
    assert len(made) == 2 * 3 * 4 * 4 + 20
    assert list(dict.fromkeys((row["variant"], row["method"]) for row in made)) == [
        *(("near, cold", method) for method in BEAUTY),
        *(("far", method) for method in BEAUTY),
        *(("", reference) for reference in ("item popularity", "item id", "random", "oracle")),
    ]


def test_csv_of_a_figure_is_its_table_with_six_digits(figure, beauty):
    found = list(csv.DictReader(io.StringIO(csv_format.page(figure))))
    assert [row["alpha at 0.5 Lbar"] for row in found[:2]] == ["0.882497", "0.778801"]
    both = build(data(rows(beauty), of=recipe(views=[{"kind": "levels"}, {"kind": "gain-by-column", "metric": "auc"}])))
    tables = csv_format.page(both).split("\n\n")
    assert [table.partition(",")[0] for table in tables] == ["recipe", "dataset"]
    assert "gain_low,gain_high,p" in tables[1]


def test_json(report):
    document = json.loads(json_format.page(report))
    cell = next(c for c in document["cells"] if (c["method"], c["group"], c["metric"]) == ("aqcl", "overall", "auc"))
    assert [cell["ci_low"], cell["ci_high"]] == pytest.approx([0.7071252988, 0.7112747012])
    assert (cell["pairs"], cell["column"], cell["agreement"]) == (4, "overall", "agrees")
    assert document["missing"] == ["amazon-beauty din aqcl seed 4"]
    level = document["views"][0]["rows"][0]["overall"]
    assert (level["mean"], level["deviation"]) == pytest.approx(
        (np.mean(BEAUTY["plain"]), np.std(BEAUTY["plain"], ddof=1))
    )
    assert next(n for n in document["notes"] if n["title"] == "Search")["text"].startswith("0 trials")


def test_html_is_one_page_with_its_pictures_inside(report, figure):
    text = html.page(report)
    assert '<td class="key">aqcl, 4 seeds</td><td>0.7092 ± 0.0013</td>' in text
    assert "p &lt; 0.05" in text
    assert text.count("<table>") == text.count("</table>") == 6
    drawn = html.page(figure)
    assert 'src="data:image/png;base64,iVBORw0KGgo' in drawn
    assert not re.search(r'(src|href)="(?!data:)', drawn)


def test_an_unknown_format_is_refused():
    with pytest.raises(CtrbenchError, match="unknown format 'markdwon'; did you mean markdown"):
        render.known_format("markdwon")
