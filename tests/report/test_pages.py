"""Pages whose numbers are generated from the archive."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ctrbench.cli import app
from ctrbench.errors import CtrbenchError
from ctrbench.report.pages import Pages, changes
from ctrbench.store.best_settings import BestSettings, SearchResult, Trial, write_best_settings

ROOT = Path(__file__).parents[2]
PLACE = "dataset=oncold-sim@scale=0.01 backbone=shared-bottom task=click"
GIVEN = f"<!-- given: tasks-oncold {PLACE} -->\n"
FORMS = "l2-forms dataset=amazon-beauty backbone=din"


@pytest.fixture(scope="module")
def pages():
    return Pages(ROOT / "results")


def made(pages, text):
    return pages.regenerate(GIVEN + text, "page.md").removeprefix(GIVEN)


@pytest.mark.parametrize(
    ("kind", "words", "text"),
    [
        ("cell", "method=aqcl", "0.7452"),
        ("cell", "method=aqcl field=base_delta", "+0.0009"),
        ("cell", "method=aqcl field=base_delta abs=yes format=.5f", "0.00087"),
        ("cell", "method=aqcl field=delta_interval", "[-0.0162, +0.0179]"),
        ("cell", "method=aqcl group=non-active field=p", "0.322"),
        ("cell", "method=aqcl task=conversion field=effect", "hurts"),
        ("cell", "method=aqcl metric=relaimpr format=.2f", "0.36"),
        ("cell", "method=aqcl minus.task=conversion", "+0.1258"),
        ("cell", 'method=plain minus.method="item popularity"', "+0.1373"),
        ("cell", "aqcl-table2 dataset=amazon-beauty backbone=din method=aqcl field=base_delta among=0-9", "+0.0052"),
        ("cell", "aqcl-table2 dataset=amazon-beauty backbone=din method=aqcl field=base_delta among=5-9", "+0.0007"),
        ("cell", "aqcl-table2 dataset=amazon-beauty backbone=din method=aqcl field=seeds among=7-20", "3"),
        ("cell", "aqcl-table2 dataset=amazon-beauty backbone=din method=aqcl field=seeds among=0,2,5-7", "5"),
        ("count", "task=conversion metric=auc effect=hurts", "2"),
        ("value", f"{FORMS} view=sweep setting=training.embedding_l2 value=0.01 rows=overall column=mean", "0.7594"),
        ("value", "aqcl-figure2 dataset=amazon-beauty view=activeness group=non-active column=longest", "6"),
    ],
)
def test_a_marker_is_replaced_by_what_the_archive_says(pages, kind, words, text):
    page = made(pages, f"Before <!-- {kind}: {words} -->anything<!-- /{kind} --> after")
    assert page == f"Before <!-- {kind}: {words} -->{text}<!-- /{kind} --> after"


def test_a_table_is_a_view_of_a_report(pages):
    marker = "<!-- table: view=changes metric=auc columns=method,group,change -->"
    page = made(pages, f"{marker}\n\nold\n\n<!-- /table -->\n")
    lines = page.splitlines()
    assert [line.strip("|").split()[0] for line in lines[2:3]] == ["method"]
    assert lines[4].split() == ["|", "aqcl", "|", "overall", "|", "+0.0009", "|"]
    assert made(pages, page) == page
    page = made(pages, f"<!-- table: {FORMS} view=sweep setting=training.penalty rows=overall --><!-- /table -->")
    assert [line.split()[3] for line in page.splitlines() if "plain" in line] == [
        *("1e-05", "0.0001", "0.0003", "0.001", "0.003", "0.01", "0.1")
    ]
    assert "| setting" not in page


def test_what_stands_between_markers_and_outside_stays(pages):
    text = "# Title\n\n<!-- a comment -->\n\n| a | b |\n"
    assert made(pages, text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- cell: method=aqcl -->", "page.md, line 2: cell is not closed; write <!-- /cell --> after it"),
        ("<!-- cell: aqcl-table2 x -->", "page.md, line 2: want KEY=VALUE, got 'x'"),
        ("\n<!-- cell: method='x -->", 'page.md, line 3: No closing quotation in "method=\'x"'),
        ("<!-- cell: method=aqcll --><!-- /cell -->", "page.md, line 2: tasks-oncold has no cells with dataset=oncold"),
        ("<!-- cell: field=mean --><!-- /cell -->", "page.md, line 2: tasks-oncold has 6 cells with dataset"),
        ("<!-- cell: method=aqcl among=0,x --><!-- /cell -->", "among=0,x: want seeds, such as 0-4 or 0,2-4"),
        (
            "<!-- cell: method=aqcl among=5-4 --><!-- /cell -->",
            "page.md, line 2: tasks-oncold has no finished run with seeds 5-4",
        ),
        ("<!-- cell: method=aqcl field=men --><!-- /cell -->", "unknown field of a cell 'men'; did you mean mean"),
        ("<!-- cell: recipe=aqcl-tabel2 --><!-- /cell -->", "unknown recipe 'aqcl-tabel2'; did you mean"),
        ("<!-- table: view=level --><!-- /table -->", "page.md, line 2: tasks-oncold has no views level with"),
        ("<!-- table: view=changes metric=auc group=all --><!-- /table -->", "view changes has no row with group=all"),
        (
            "<!-- best: method=icl setting=x --><!-- /best -->",
            "no settings of tasks-oncold were searched; run: ",
        ),
    ],
)
def test_a_marker_that_names_nothing_is_an_error_with_its_line(pages, text, message):
    with pytest.raises(CtrbenchError) as error:
        made(pages, text)
    assert message in str(error.value)


def test_a_best_setting_is_read_from_the_file_of_its_search(tmp_path):
    trial = Trial(settings={"training.embedding_l2": 0.001}, state="complete", value=0.5, epochs=3)
    place = {"dataset": "amazon-beauty", "backbone": "din", "method": "plain"}
    found = SearchResult(
        **place, settings=trial.settings, objective="logloss", value=0.5, basis="b", fingerprint="f", trials=(trial,)
    )
    write_best_settings(tmp_path, BestSettings(recipe="aqcl-table2", results=(found,)))
    words = "aqcl-table2 dataset=amazon-beauty backbone=din method=plain"
    marker = f"<!-- best: {words} setting=training.embedding_l2 format=.4f -->"
    assert Pages(tmp_path).regenerate(f"{marker}0<!-- /best -->", "p") == f"{marker}0.0010<!-- /best -->"
    with pytest.raises(CtrbenchError, match=r"p, line 1: .*aqcl-table2.toml: has no x of amazon-beauty din plain"):
        Pages(tmp_path).regenerate(f"<!-- best: {words} setting=x --><!-- /best -->", "p")


def test_changed_lines_are_numbered():
    assert changes("a\nb\nc\n", "a\nB\nc\n") == [2]
    assert changes("a\n", "a\n") == []


def test_the_command_writes_or_only_checks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "README.md"
    page.write_text(GIVEN + "<!-- cell: method=aqcl -->0<!-- /cell -->\n")
    arguments = ["report", "--pages", "--results", str(ROOT / "results")]
    error = CliRunner().invoke(app, [*arguments, "--check"]).exception
    assert str(error) == "README.md, line 2: differs from the archive; run: ctrbench report --pages"
    assert ">0<" in page.read_text()
    assert CliRunner().invoke(app, arguments).output.startswith("written to README.md")
    assert ">0.7452<" in page.read_text()
    assert CliRunner().invoke(app, [*arguments, "--check"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--check"], "--check goes with --pages"),
        (["quickstart", "--check"], "--check goes with --pages"),
        (["quickstart", "--pages", "--check"], "--pages regenerates README.md and the results' README.md whole"),
        (["--pages", "--save"], "--pages regenerates README.md and the results' README.md whole"),
    ],
)
def test_pages_and_reports_are_not_asked_for_at_once(arguments, message):
    assert str(CliRunner().invoke(app, ["report", *arguments]).exception).startswith(message)


@pytest.mark.parametrize("name", ["README.md", "results/README.md"])
def test_no_line_of_a_page_begins_with_a_marker_within_its_text(name):
    """Markdown would take the whole line for HTML."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    assert [line for line in lines if re.match(r" {0,3}<!-- (cell|count|value|best):", line)] == []


@pytest.mark.parametrize("name", ["README.md", "results/README.md"])
def test_the_committed_pages_are_their_regeneration(pages, name):
    text = (ROOT / name).read_text("utf-8")
    assert changes(text, pages.regenerate(text, name)) == []
