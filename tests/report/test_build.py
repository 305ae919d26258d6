"""A report: its views by section, its summary, and what is missing."""

import json

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.report.build import build
from ctrbench.report.frame import Frame
from ctrbench.report.render import text
from ctrbench.report.select import ReportData
from ctrbench.report.views import VIEWS, needs_of, views_of
from ctrbench.report.views.base import View, ViewData
from ctrbench.store.record import TaskMetrics
from tests.report.records import BEAUTY, data, facts, recipe, record, records, references, rows, values


def shown(report):
    return [(view.section, view.title) for view in report.views]


def test_a_recipe_without_views_shows_three_tables_for_each_metric(beauty):
    report = build(data(rows(beauty), references()))
    section = "amazon-beauty · din · 5 seeds"
    assert shown(report) == [
        (section, "AUC (higher is better)"),
        (section, "AUC against plain"),
        (section, "AUC beside the paper"),
        (section, "NE (lower is better)"),
        (section, "NE against plain"),
    ]
    assert [(spec.kind, spec.metric) for spec in views_of(recipe())][3:] == [
        *(("levels", "ne"), ("changes", "ne"), ("published", "ne"))
    ]


def test_the_note_of_a_picture_says_how_many_seeds_its_rows_have(beauty):
    assert build(data(rows(beauty))).data.endswith(", 5 seeds.")
    fewer = [each for each in beauty if each.method != "aqcl" or each.seed < 3]
    assert build(data(rows(fewer))).data.endswith(", 3 to 5 seeds.")


def test_an_outside_reference_is_never_called_the_paper(beauty):
    report = build(data(rows(beauty), of=recipe(published_by="Elsewhere")))
    texts = [text for view in report.views for text in (view.title, view.reading, *view.table.names)]
    texts += [note.text for note in report.notes]
    assert not [text for text in texts if "paper" in text]
    assert sum("Elsewhere's change" in text or text == "Elsewhere" for text in texts) > 1


def test_views_are_a_matter_of_the_recipe(beauty):
    views = [
        {"kind": "levels", "metric": "ne", "by": "click_length", "layout": "long", "title": "NE by history"},
        {"kind": "changes", "metric": "calibration", "by": "overall"},
    ]
    report = build(data(rows(beauty), of=recipe(views=views)))
    assert [view.title for view in report.views] == ["NE by history", "Calibration, distance from 1, against plain"]
    levels = report.views[0].table
    assert levels.names == ("group", "plain", "icl", "aqcl")
    assert [text[0] for text in levels.texts()] == ["overall", "L 0", "L 1 to 4", "L 5 to 30"]
    assert levels.texts()[1][1].startswith("0.8390")
    assert {cell.metric for cell in report.cells} == {"ne", "ne_diff", "calibration"}
    assert [view.title for view in report.summary] == ["NE of all rows (lower is better)"]


def test_the_column_of_the_command_is_that_of_views_without_one(beauty):
    views = [{"kind": "levels", "metric": "auc"}, {"kind": "levels", "metric": "ne", "by": "click_length"}]
    report = build(data(rows(beauty), of=recipe(views=views)), "brand size")
    assert [view.place["by"] for view in report.views] == ["brand size", "click_length"]
    assert [note.text[:33] for note in report.notes if note.title == "Groups"] == [
        *("rows (positives) by brand size: s", "rows (positives) by click_length:")
    ]


def test_two_tasks_have_sections_of_their_own():
    both = {name: TaskMetrics(definition=name, values=values(auc)) for name, auc in (("click", 0.7), ("buy", 0.6))}
    made = rows([record(0.7, seed=seed, tasks=both) for seed in range(2)], tasks=tuple(both))
    beside = [*references(), *references(task="buy")]
    report = build(data(made, beside, of=recipe(views=[{"kind": "levels", "metric": "auc"}])))
    assert [view.section for view in report.views] == [
        *("amazon-beauty · din · click · 2 seeds", "amazon-beauty · din · buy · 2 seeds")
    ]
    assert [view.table.texts()[0][1][:6] for view in report.views] == ["0.7000", "0.6000"]
    assert [len(view.table.rows) for view in report.views] == [5, 5]
    assert [view.section for view in report.summary] == [view.section for view in report.views]
    one = build(data(made, beside, of=recipe(views=[{"kind": "levels", "metric": "auc", "task": "buy"}])))
    assert [view.place["task"] for view in one.views] == ["buy"]
    with pytest.raises(CtrbenchError, match="unknown task 'bye'; did you mean buy"):
        build(data(made, of=recipe(views=[{"kind": "levels", "task": "bye"}])))


def test_a_view_from_outside_needs_no_edit_elsewhere(beauty, monkeypatch):
    class Sizes(View):
        """Records of each method."""

        def show(self, data: ReportData) -> list[ViewData]:
            counts = {row.key.method: 0 for row in data.rows}
            for row in data.rows:
                counts[row.key.method] += 1
            return [ViewData("sizes", self.title(data), Frame.of(("method", "runs"), counts.items()), "Finished runs.")]

    monkeypatch.setitem(VIEWS._loaded, "sizes", Sizes)
    report = build(data(rows(beauty), of=recipe(views=[{"kind": "sizes"}])))
    assert report.views[0].table.texts() == [("plain", "5"), ("icl", "5"), ("aqcl", "5")]
    assert (report.summary, report.cells) == ((), ())


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ([{"kind": "levls"}], "unknown view 'levls'; did you mean levels?"),
        (
            [{"kind": "levels", "options": {"x": 1}}],
            "aqcl-beauty: options of view levels: unknown key 'x'; known: none",
        ),
        ([{"kind": "levels", "metric": "aux"}], "unknown metric 'aux'; did you mean auc?"),
    ],
)
def test_a_view_that_makes_no_sense_is_refused(beauty, views, message):
    with pytest.raises(CtrbenchError) as error:
        build(data(rows(beauty), of=recipe(views=views)))
    assert str(error.value) == message


def test_a_view_that_lacks_records_is_left_out_and_says_why(beauty):
    """So long as the base alone has finished, its levels are shown."""
    views = [
        {"kind": "gain-by-column", "by": "click_length"},
        {"kind": "levels", "metric": "auc"},
        {"kind": "variants"},
        {"kind": "levels", "metric": "gauc"},
    ]
    report = build(data(rows(beauty[:5]), of=recipe(views=views)))
    assert [view.title for view in report.views] == ["AUC (higher is better)"]
    command = "ctrbench run …/aqcl-beauty.toml"
    assert report.warnings == [
        "left out: gain-by-column, variants (aqcl-beauty: no finished run of a method beside plain; run: "
        + command
        + ")",
        "left out: levels (aqcl-beauty: no finished run has measured gAUC; measure it: "
        "ctrbench measure …/aqcl-beauty.toml)",
    ]
    for name in ("markdown", "latex", "html", "terminal"):
        assert "left out: gain-by-column" in text(report, name).replace("\n", " ")
    assert json.loads(text(report, "json"))["left_out"] == report.warnings
    assert build(data(rows(beauty), of=recipe(views=views[:3]))).warnings == []
    with pytest.raises(CtrbenchError, match="no finished run of a method beside plain"):
        build(data(rows(beauty[:5]), of=recipe(views=views[:1])))


def test_what_a_recipe_needs_is_the_most_that_a_view_needs():
    kinds = {"runs": ["activeness", "levels"], "references": ["alpha-family", "counts"], "nothing": ["alpha-family"]}
    for needs, own in kinds.items():
        assert needs_of(recipe(views=[{"kind": kind} for kind in own])) == needs


def test_missing_runs_are_counted_and_named(beauty):
    assert build(data(rows(beauty))).incomplete is None
    report = build(data(rows(beauty[:5]), missing=[f"run {number}" for number in range(10)]))
    assert report.incomplete.startswith("10 of 15 runs missing: run 0; ")
    assert report.incomplete.endswith("run 5; and 4 more")
    again = [*rows(beauty, "near"), *rows(beauty[:5], "far")]
    assert build(data(again, missing=["one"])).incomplete == "1 of 16 runs missing: one"
    of = recipe(published=None, views=[{"kind": "counts"}])
    found = build(ReportData(of, facts=(facts(),), missing=("ta-feng",)))
    assert found.incomplete == "1 of 2 datasets missing: ta-feng"


def test_the_summary_has_one_line_per_method_and_says_what_is_significant(beauty):
    (view,) = build(data(rows(beauty), references())).summary
    lines = {row[0]: row[1:] for row in view.table.texts()}
    further = ("its change",)
    assert view.table.names == ("method", "AUC", "change", "95 % interval", "verdict", "paper", "ours is", *further)
    assert lines["aqcl"] == (
        *("0.7094 ± 0.0012", "+0.0084", "[+0.0072, +0.0096]", "improves", "0.7078", "within", "agrees"),
    )
    assert lines["item popularity"] == ("0.5121", "-", "-", "-", "-", "-", "-")
    assert (
        view.reading
        == "With p < 0.05 against plain: aqcl improves AUC (overall, every group), NE (overall, every group)."
    )


def test_the_summary_says_where_nothing_is_significant(beauty):
    alike = [r for r in beauty if r.method != "aqcl"]
    (view,) = build(data(rows(alike))).summary
    assert view.reading == "For no method is a difference to plain shown (p < 0.05) in any group (AUC, NE)."
    (view,) = build(data(rows(beauty[:5]))).summary
    assert view.reading == ""


def test_rows_of_one_method_are_named_by_variant():
    near, far = (records({"plain": own}) for own in ([0.7, 0.71], [0.6, 0.61]))
    report = build(data([*rows(near, "near"), *rows(far[:1], "far")], references()))
    titles = {view.title: view.table for view in report.views}
    levels = titles["AUC (higher is better)"]
    assert (levels.names[0], levels.keys) == ("variant", 1)
    assert [(row[0], row[1][:6]) for row in levels.texts()] == [
        *(("near", "0.7050"), ("far, 1 seed", "0.6000")),
        *(("item popularity", "0.5121"), ("item id", "0.6491"), ("random", "0.4993"), ("oracle", "0.8105")),
    ]
    paper = titles["AUC beside the paper"]
    assert (paper.names[:2], paper.keys) == (("variant", "group"), 2)
    assert [row[:2] for row in paper.rows if row[1] == "overall"] == [("near", "overall"), ("far", "overall")]
    # There is nothing to compare: every run is the base's.
    assert "AUC against plain" not in titles


def test_rows_of_several_methods_are_named_by_variant_and_method(beauty):
    worse = records({name: [value - 0.1 for value in own] for name, own in BEAUTY.items()})
    report = build(data([*rows(beauty, "near"), *rows(worse[:-1], "far")], references()))
    titles = {view.title: view.table for view in report.views}
    levels, changes = titles["AUC (higher is better)"], titles["AUC against plain"]
    assert (levels.names[:3], levels.keys) == (("variant", "method", "overall"), 2)
    assert [row[:2] for row in levels.rows] == [
        *(("near", "plain"), ("near", "icl"), ("near", "aqcl")),
        *(("far", "plain"), ("far", "icl"), ("far", "aqcl, 4 seeds")),
        *(("-", "item popularity"), ("-", "item id"), ("-", "random"), ("-", "oracle")),
    ]
    assert changes.names == ("variant", "method", "group", "RelaImpr", "change", "95 % interval", "p", "verdict")
    assert changes.keys == 3
    gains = {row[:2]: row[3] for row in changes.rows if row[2] == "overall"}
    # The same change is a greater gain over the weaker base.
    assert list(gains) == [("near", "icl"), ("near", "aqcl"), ("far", "icl"), ("far", "aqcl")]
    assert gains["near", "aqcl"] == pytest.approx(4.2, abs=0.1)
    assert gains["far", "aqcl"] == pytest.approx(8.4, abs=0.3)


def test_the_long_layout_sorts_changes_by_group(beauty):
    views = [{"kind": kind, "metric": "auc", "layout": "long"} for kind in ("changes", "published")]
    report = build(data(rows(beauty), of=recipe(views=views)))
    assert [row[:2] for row in report.views[0].table.rows][:3] == [
        *(("icl", "overall"), ("aqcl", "overall"), ("icl", "non-active"))
    ]
    assert [row[:2] for row in report.views[1].table.rows][2:4] == [("aqcl", "overall"), ("plain", "non-active")]


def test_a_group_called_overall_does_not_take_the_place_of_all_rows(beauty):
    named = facts().groups["click"]["brand size"].model_copy(update={"names": ["overall", "large"]})
    groups = {"click": facts().groups["click"] | {"brand size": named}}
    report = build(data(rows(beauty, groups=groups)), "brand size")
    levels = report.views[0].table
    assert levels.names == ("method", "overall", "overall", "large")
    assert [text[:6] for text in levels.texts()[0][1:]] == ["0.7010", "0.7010", "0.7310"]
    assert report.views[1].table.texts()[0][:2] == ("icl", "overall")


def test_one_seed_leaves_out_the_columns_that_need_more():
    report = build(data(rows(records({name: own[:1] for name, own in BEAUTY.items()}))))
    changes = report.views[1]
    assert changes.section == "amazon-beauty · din · 1 seed"
    assert changes.table.names == ("method", "group", "RelaImpr", "change")
    assert ("aqcl", "overall", "+3.93 %", "+0.0079") in changes.table.texts()


def test_undefined_groups_show_dashes():
    report = build(data(rows(records({"plain": [None, None]}))))
    assert report.views[0].table.texts() == [("plain", "-", "-", "-", "-")]
