"""The numbers of each figure against numbers worked out by hand from its records, and its picture."""

import contextlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch

from ctrbench.errors import CtrbenchError
from ctrbench.methods.aqcl import AQCL
from ctrbench.metrics.distribution import Distribution
from ctrbench.planning.settings import build_config
from ctrbench.recipe.row_key import RowKey
from ctrbench.report.build import build
from ctrbench.report.render import csv
from ctrbench.report.render.picture import picture
from ctrbench.report.select import ReportData, ReportRow
from ctrbench.report.views import VIEWS
from ctrbench.report.views.alpha import alpha
from ctrbench.report.views.attention import merged
from ctrbench.store.defaults import shipped_defaults
from ctrbench.training.history import ALL
from tests.report.records import epochs, facts, of_config, recipe, references

T_95 = 4.302652729911275
"""Of Student's t with two degrees of freedom, two-sided 95 %."""
MARGIN = T_95 * 0.01 / 3**0.5
"""Of a gain of 0.01, 0.02, 0.03."""
WIDER = MARGIN * 6.205346816570871 / T_95
"""The same in a family of two comparisons."""
PLAIN = (0.700, 0.704, 0.708)
"""Overall AUC of plain by seed; its differences to another method are that method's own."""
DATASETS = ("amazon-beauty", "ta-feng")

VARIANTS = {"8": {"method.projection_size": 8}, "larger": {"method.projection_size": 64}}
SWEPT = {"weak": {"training.embedding_l2": 1e-3}, "0.1": {"training.embedding_l2": 0.1}}
ALPHAS = {"0.3": {"datasets.amazon-beauty.method.constant_alpha": 0.3}, "adaptive": {}}
KEYS = {
    "adaptive-alpha": {"variants": ALPHAS, "methods": {"plain": {}, "aqcl": {"w1": 2.0, "w2": 0.5}}},
    "variants": {"variants": VARIANTS},
    "sweep": {"variants": SWEPT, "methods": ["plain"], "view": {"options": {"settings": ["training.embedding_l2"]}}},
    "representations": {"representations": 60},
}
OTHER = ("levels", "changes", "published", "counts", "search", "cohort-axes", "cohort-predictions", "private-changes")
"""Tables, a figure of searches, which these records lack, and figures with tests of their own."""
DRAWN = [name for name in VIEWS.builtin() if name not in OTHER]
OF_RUNS = [name for name in DRAWN if VIEWS.get(name).needs == "runs"]


class Stored:
    """Three far groups of h for AQCL, which are its codewords 5, 9 and 70; one cloud for plain."""

    def __init__(self, lost=False):
        self.lost = lost

    def representations(self, record):
        if self.lost:
            return None
        random, rows = np.random.default_rng(0), record.representations
        group = np.arange(rows) % 3
        h = random.normal(size=(rows, 4)).astype(np.float32)
        if record.method == "aqcl":
            h += 20 * np.eye(3, 4, dtype=np.float32)[group]
        codeword = [int((5, 9, 70)[code]) if record.method == "aqcl" else None for code in group]
        return pa.table(
            {
                "row": np.arange(rows) * 7,
                "click_length": np.arange(rows, dtype=np.int32),
                "codeword": pa.array(codeword, pa.int32()),
                "h": pa.FixedSizeListArray.from_arrays(pa.array(h.reshape(-1)), 4),
            }
        )


def gain_of(key, seed):
    """0 for plain; AQCL gains 0.01, 0.02, 0.03 with seeds 0, 1, 2, less in variants whose name is a number."""
    if key.method == "plain":
        return 0.0
    return 0.01 * (seed + 1) - (0.002 if key.variant[:1].isdigit() else 0.0)


def attention(method, look):
    """Two layers with the weights -1, 0, 0 and 1, those of AQCL twice as large, times the number of the look."""
    weights = np.array([-1.0, 0.0, 0.0, 1.0]) * (2 if method == "aqcl" else 1) * look
    parts = {"0": weights, "1": weights / 10, ALL: np.concatenate([weights, weights / 10])}
    own = {layer: {"parameters": Distribution.of(each)} for layer, each in parts.items()}
    return {layer: {**each, "activations": Distribution.of(np.ones(8))} for layer, each in own.items()}


def row_of(of, key, seed):
    gain = gain_of(key, seed)
    probed = {"gradient of the task": 2.0, "cosine of contrastive": 0.1 * seed - 0.1, "contrastive along": 0.3}
    parts = {"alive": 0.1 + 0.01 * seed, "perplexity": 20.0, **probed} if key.method == "aqcl" else {}
    config = build_config(of, key, seed, {}, shipped_defaults())
    looks = tuple(replace(look, attention=attention(key.method, look.epoch)) for look in epochs(2 + seed, **parts))
    made = of_config(config, PLAIN[seed] + gain, longer=gain, epochs=looks)
    return ReportRow(key, made, facts(key.dataset))


def shown(kind, *, missing=lambda key, seed: False, store=None, of_data=None, **keys):
    """The report of one view, of three seeds on two datasets."""
    keys = KEYS.get(kind, {}) | keys
    view = {"kind": kind, "metric": "auc", **keys.pop("view", {})}
    if kind == "gain-by-column":
        view |= {"by": "click_length"}
    methods = {"datasets": DATASETS, "methods": ["plain", "aqcl"], "seeds": 3, "published": None}
    of = recipe(**methods | keys, views=[view])
    rows = [
        row_of(of, key, seed)
        for dataset in of.datasets
        for variant in of.variants or ("",)
        for method in of.methods
        for seed in range(of.seeds)
        if not missing(key := RowKey(dataset, "din", method, variant), seed)
    ]
    needed = VIEWS.get(kind).needs == "runs"
    return build(
        ReportData(
            of,
            rows=tuple(rows if needed else ()),
            references=tuple(row for name in of.datasets for row in references(name)) if needed else (),
            facts=tuple(of_data or (facts(name) for name in DATASETS)) if VIEWS.get(kind).needs != "nothing" else (),
            store=store or Stored(),
        )
    )


def frame_of(kind, **options):
    (view,) = shown(kind, **options).views
    return view.frame.pandas()


def test_activeness_runs_down_and_its_groups_are_those_of_the_cut():
    frame = frame_of("activeness")
    own = frame[frame["dataset"] == "amazon-beauty"]
    assert own["users_percent"].to_list() == list(range(101))
    assert own["click_length"].is_monotonic_decreasing
    assert own["click_length"].iloc[[0, -1]].to_list() == [40, 0]
    cut = own.groupby("group", sort=False)["click_length"].agg(["min", "max"])
    assert cut.to_numpy().tolist() == [[13, 40], [5, 12], [0, 4]]
    assert dict(zip(own["group"], own["click_lengths"], strict=True)) == {
        "highly-active": "L > 12",
        "slightly-active": "L 5 to 12",
        "non-active": "L <= 4",
    }
    assert dict(zip(own["group"], own["share_percent"], strict=True)) == {
        "highly-active": 9.8,
        "slightly-active": 28.7,
        "non-active": 61.5,
    }
    (view,) = shown("activeness").views
    assert [row[:2] for row in view.table.rows[:3]] == [
        *((name, group) for name in DATASETS[:1] for group in ("highly-active", "slightly-active", "non-active"))
    ]
    assert (view.short.column("median")[0], view.short.column("longest")[0]) == (own["click_length"][:32].median(), 40)


def counts(**keys):
    (view,) = shown("counts", **keys).views
    return [row[0:5] for row in view.frame.rows], view.frame.column("why")


def test_counts_beside_the_published_ones():
    found, why = counts(published="aqcl_table1", not_comparable={"ta-feng": "by hand"})
    assert found == [
        ("amazon-beauty", "users", 22_363, 22_363, "equal"),
        ("amazon-beauty", "items", 12_101, 12_101, "equal"),
        ("amazon-beauty", "samples", 198_502, 198_502, "equal"),
        ("ta-feng", "users", 22_363, 32_266, "not comparable"),
        ("ta-feng", "items", 12_101, 23_812, "not comparable"),
        ("ta-feng", "samples", 198_502, 817_741, "not comparable"),
    ]
    assert why == [None] * 3 + ["by hand"] * 3
    assert [row[4] for row in counts(published="aqcl_table1")[0]] == ["equal"] * 3 + ["differs"] * 3


def test_counts_of_what_is_not_published():
    assert {row[4] for row in counts()[0]} == {"not published"}
    with pytest.raises(CtrbenchError, match="unknown published table 'aqcl_table2'; did you mean aqcl_table1"):
        counts(published="aqcl_table2")


def test_alpha_is_that_of_the_method():
    method = SimpleNamespace(settings=AQCL.Settings(w1=0.7, w2=1.8), mean_click_length=8.0)
    relative = np.array([0.0, 0.5, 1.0, 3.0])
    expected = AQCL.alpha(method, torch.tensor(relative * 8.0)).numpy()
    np.testing.assert_allclose(alpha(relative, 0.7, 1.8), expected, rtol=1e-12)


def test_the_family_of_alpha_needs_no_record():
    frame = frame_of("alpha-family")
    assert set(frame["varied"]) == {"w1", "w2"}
    at = frame[(frame["varied"] == "w1") & (frame["w1"] == 2) & (frame["relative_length"] == 0.5)]
    assert at["alpha"].item() == pytest.approx(np.exp(-1))
    at = frame[(frame["varied"] == "w2") & (frame["w2"] == 2) & (frame["relative_length"] == 2)]
    assert at["alpha"].item() == pytest.approx(np.exp(-4))
    # All curves of w2 meet at Lbar.
    assert np.allclose(frame[(frame["varied"] == "w2") & (frame["relative_length"] == 1)]["alpha"], np.exp(-1))


def test_variants_stand_beside_the_base_with_paired_intervals():
    frame = frame_of("variants")
    own = frame[(frame["dataset"] == "ta-feng")].set_index(["variant", "method"])
    assert set(own["setting"]) == {"method.projection_size"}
    assert own.loc[("8", "plain"), ["auc", "seeds"]].to_list() == [pytest.approx(0.704), 3]
    assert np.isnan(own.loc[("8", "plain"), "gain"])
    found = own.loc[("8", "aqcl"), ["auc", "gain", "gain_low", "gain_high"]].to_list()
    assert found == pytest.approx([0.704 + 0.018, 0.018, 0.018 - WIDER, 0.018 + WIDER])
    assert own.loc[("larger", "aqcl"), "gain"] == pytest.approx(0.02)


def axes_of(variants):
    report = shown("variants", variants=variants)
    (view,) = report.views
    return view.draw(view.frame).axes[0]


def test_variants_of_one_setting_are_named_by_it_and_others_are_variants():
    assert axes_of(VARIANTS).get_xlabel() == "size of z"
    assert axes_of(VARIANTS | {"0.3": {"method.tau": 0.3}}).get_xlabel() == "variant"


WEIGHTS = {"low": {"methods.aqcl.weight": 0.01}, "high": {"methods.aqcl.weight": 0.1}}
OF_AQCL = {"methods": ["plain", "aqcl"], "view": {"options": {"settings": ["methods.aqcl.weight"]}}}


def test_a_sweep_of_one_methods_setting_has_the_other_as_a_level():
    (view,) = shown("sweep", variants=WEIGHTS, **OF_AQCL).views
    frame = view.frame.pandas()
    own = frame[(frame["dataset"] == "ta-feng") & (frame["rows"] == "overall")].set_index("method")
    assert own.loc["aqcl", "value"].to_list() == [0.01, 0.1]
    assert own.loc["aqcl", "mean"].to_list() == pytest.approx([0.704 + 0.02] * 2)
    assert np.isnan(own.loc["plain", "value"])
    assert own.loc["plain", "mean"] == pytest.approx(0.704)
    figure = view.draw(view.frame)
    assert len(figure.axes) == 2 * len(set(frame["rows"]))
    assert {axes.get_xlabel() for axes in figure.axes} == {"weight"}
    labels = figure.axes[0].get_legend().get_texts()
    assert [label.get_text() for label in labels] == ["plain", "weight"]
    assert "A line across" in view.reading
    assert "A line across" not in shown("sweep").views[0].reading


def test_a_sweep_without_a_run_that_has_the_setting():
    with pytest.raises(CtrbenchError, match=r"no finished run of a variant sets methods\.aqcl\.weight"):
        shown("sweep", variants=WEIGHTS, **OF_AQCL, missing=lambda key, seed: key.method == "aqcl")


def test_long_names_of_variants_are_slanted():
    long = {f"a variant of a long name {number}": {"method.tau": number / 10} for number in (1, 2)}
    turned = [[label.get_rotation() for label in axes_of(each).get_xticklabels()] for each in (VARIANTS, long)]
    assert turned == [[0, 0], [40, 40]]


def test_variants_show_any_metric():
    frame = frame_of("variants", view={"metric": "ne"})
    own = frame[(frame["dataset"] == "ta-feng")].set_index(["variant", "method"])
    assert own.loc[("larger", "aqcl"), ["ne", "gain"]].to_list() == pytest.approx([1.5 - 0.724, -0.02])


def test_adaptive_alpha_has_curves_of_all_datasets_and_runs_of_one():
    frame = frame_of("adaptive-alpha", methods=["plain", "aqcl"])
    assert set(frame[frame["panel"] == "runs"]["dataset"]) == {"amazon-beauty"}
    cuts = frame[(frame["panel"] == "cut-off") & (frame["dataset"] == "ta-feng")]
    assert cuts["click_length"].to_list() == [4, 12]
    assert cuts["relative_length"].to_list() == [0.5, 1.5]
    assert cuts["alpha"].to_list() == pytest.approx([np.exp(-0.5), np.exp(-1.5)])
    curve = frame[(frame["panel"] == "curve") & (frame["dataset"] == "amazon-beauty")]
    assert curve["relative_length"].iloc[[0, -1]].to_list() == [0, 4]
    assert curve["click_length"].iloc[-1] == 32
    runs = frame[frame["panel"] == "runs"].set_index(["variant", "method"])
    assert runs.loc[("0.3", "aqcl"), "gain"] == pytest.approx(0.018)
    assert runs.loc[("adaptive", "aqcl"), "gain"] == pytest.approx(0.02)


def test_gain_by_click_length():
    frame = frame_of("gain-by-column")
    own = frame[frame["dataset"] == "amazon-beauty"].set_index("click_length")
    assert own.index.to_list() == ["L 0", "L 1 to 4", "L 5 to 30"]
    assert set(own["method"]) == {"aqcl"}
    assert own["rows"].to_list() == [100, 200, 300]
    found = own.loc["L 0", ["gain", "gain_low", "gain_high"]].to_list()
    assert found == pytest.approx([0.04, 0.04 - 2 * MARGIN, 0.04 + 2 * MARGIN])
    assert own.loc["L 1 to 4", "gain"] == pytest.approx(0.02)


def test_use_of_the_codebook_by_epoch():
    (view,) = shown("codebook-use").views
    own = view.frame.pandas().set_index(["dataset", "part", "epoch"])
    first = own.loc[("ta-feng", "alive", "1")]
    assert first[["seeds", "mean", "low", "high"]].to_list() == pytest.approx([3, 0.11, 0.10, 0.12])
    last = own.loc[("ta-feng", "alive", "4")]
    assert last[["seeds", "mean", "low", "high"]].to_list() == pytest.approx([1, 0.48, 0.48, 0.48])
    assert own.loc[("ta-feng", "perplexity", "2"), "mean"] == 40
    assert set(own["codewords"]) == {128}
    assert own.loc[("ta-feng", "alive", "kept")].equals(first)
    assert view.frame.column("epoch")[-2:] == ["kept", "kept"]
    assert view.table.column("epoch") == ["1", "1", "kept", "kept"] * 2


def test_gradients_by_look():
    (view,) = shown("gradients").views
    own = view.frame.pandas().set_index(["dataset", "part", "epoch"])
    first = own.loc[("ta-feng", "cosine of contrastive", "1")]
    assert first[["seeds", "mean", "low", "high"]].to_list() == pytest.approx([3, 0.0, -0.1, 0.1])
    assert set(own.index.get_level_values("part")) == {
        "gradient of the task",
        "cosine of contrastive",
        "contrastive along",
    }
    assert set(view.table.column("epoch")) == {"1", "kept"}


def test_gradients_that_no_run_probed():
    message = "aqcl-beauty: no run probed its gradients; set training.probe_every, for a method that adds parts"
    with pytest.raises(CtrbenchError, match=message):
        shown("gradients", missing=lambda key, seed: key.method == "aqcl")


def test_densities_of_attention_weights_at_the_kept_look():
    """The kept look of the records is the first."""
    (view,) = shown("attention", datasets=["ta-feng"], view={"options": {"layers": "each"}}).views
    frame = view.frame.pandas()
    of_aqcl = frame[(frame["method"] == "aqcl") & (frame["layer"] == "1") & (frame["weights"] == "parameters")]
    share = of_aqcl["density"] * (of_aqcl["to"] - of_aqcl["from"])
    assert share.sum() == pytest.approx(1)
    filled = of_aqcl[of_aqcl["density"] > 0]
    assert share[share > 0].to_list() == pytest.approx([0.25, 0.5, 0.25])
    for (_, row), weight in zip(filled.iterrows(), (-0.2, 0.0, 0.2), strict=True):
        assert row["from"] <= weight < row["to"]
    texts = {(row[2], row[4], row[5]): row[6:] for row in view.table.texts()}
    assert texts["aqcl", "1", "parameters"] == ("3", "4", "0.1414 ± 0", "-1 ± 0", "0.5 ± 0", "0.6931 ± 0")
    assert texts["plain", "1", "activations"] == ("3", "8", "0 ± 0", "-", "0 ± 0", "2.079 ± 0")
    assert view.table.column("layer") == ["0", "0", "1", "1"] * 2


def test_attention_weights_of_all_layers_by_look():
    (view,) = shown("attention-history", datasets=["ta-feng"]).views
    own = view.frame.pandas().set_index(["method", "part", "epoch"])
    spread = own.loc[("plain", "std of parameters, all", "2")]
    assert spread[["seeds", "mean"]].to_list() == pytest.approx([3, 2 * (2.02 / 8) ** 0.5])
    assert own.loc[("plain", "std of parameters, all", "4"), "seeds"] == 1
    assert not any("kurtosis of activations" in part for part in view.frame.column("part"))
    assert view.reading.startswith("At the end of each look")


@pytest.mark.parametrize("kind", ["attention", "attention-history"])
def test_attention_weights_that_no_run_summarised(kind, monkeypatch):
    monkeypatch.setattr("tests.report.views.test_figures.attention", lambda method, look: {})
    with pytest.raises(CtrbenchError, match="no run summarised its attention weights; set attention_rows"):
        shown(kind)


def test_narrow_bins_are_merged_and_keep_their_weights():
    edges, density = merged(np.array([0.0, 1.0, 2.0, 4.0, 5.0]), np.array([0.1, 0.3, 0.2, 0.2]), least=2.0)
    assert edges.tolist() == [0, 2, 4, 5]
    assert density.tolist() == pytest.approx([0.2, 0.2, 0.2])


def test_use_of_a_codebook_that_no_method_has():
    message = "aqcl-beauty: no run logged codebook usage; methods with a codebook do: ctrbench run …/aqcl-beauty"
    with pytest.raises(CtrbenchError, match=message):
        shown("codebook-use", missing=lambda key, seed: key.method == "aqcl")


def test_representations_are_judged_in_h_by_the_same_codewords():
    (view,) = shown("representations", datasets=["amazon-beauty"]).views
    frame = view.frame.pandas()
    plain, aqcl = (frame[frame["method"] == method] for method in ("plain", "aqcl"))
    assert len(plain) == len(aqcl) == 60
    assert plain["codeword"].to_list() == aqcl["codeword"].to_list()
    assert plain["shown"].all()
    judged, cloud = ({**row} for row in reversed(list(view.table.records())))
    assert (judged["method"], judged["codewords in use"], judged["rows"]) == ("aqcl", 3, 60)
    assert judged["by codeword"] == judged["by own clusters"] > 0.8
    assert abs(cloud["by codeword"]) < 0.1 < cloud["by own clusters"]


def test_representations_that_are_not_there_or_have_no_codebook_beside_them():
    message = (
        "no h is stored of amazon-beauty din plain seed 0; repeat the run: ctrbench run …/aqcl-beauty.toml --force"
    )
    with pytest.raises(CtrbenchError, match=message):
        shown("representations", store=Stored(lost=True))
    with pytest.raises(CtrbenchError, match="none of plain has a codebook on amazon-beauty; aqcl has one"):
        shown("representations", missing=lambda key, seed: key.method == "aqcl")


@pytest.mark.parametrize("kind", DRAWN)
def test_every_figure_is_drawn_twice_with_equal_bytes(kind):
    small = {"datasets": ["amazon-beauty"]} if kind == "representations" else {}
    report = shown(kind, **small)
    (view,) = report.drawn
    drawn = picture(view, report, "svg")
    assert drawn == picture(view, report, "svg")
    assert b"<dc:date>" not in drawn
    assert "nan" not in csv.frame(view.frame)


LOST = {
    "methods": lambda key, seed: key.method != "plain",
    "base": lambda key, seed: key.method == "plain",
    "all but one seed": lambda key, seed: seed > 0,
    "first seed": lambda key, seed: seed == 0,
    "variant": lambda key, seed: key.variant in ("adaptive", "8"),
    "dataset": lambda key, seed: key.dataset == "amazon-beauty",
}


@pytest.mark.parametrize("kind", [kind for kind in OF_RUNS if kind != "representations"])
@pytest.mark.parametrize("lost", LOST)
def test_of_part_of_its_runs_a_figure_is_drawn_or_says_in_a_line_why_not(kind, lost):
    with contextlib.suppress(CtrbenchError):
        (view,) = shown(kind, missing=LOST[lost]).drawn
        assert view.draw(view.frame).axes


def test_facts_that_were_not_measured():
    with pytest.raises(
        CtrbenchError, match="none of its datasets has been measured; start with ctrbench run …/aqcl-beauty"
    ):
        build(ReportData(recipe(published=None, views=[{"kind": "activeness"}])))


def test_several_pictures_have_titles_of_their_own():
    report = shown("variants", view={"metric": None})
    assert [view.title for view in report.drawn] == [
        *("Activeness groups on Amazon Beauty: AUC", "Activeness groups on Amazon Beauty: NE")
    ]
