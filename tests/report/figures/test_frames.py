"""The numbers of each figure against numbers worked out by hand from its records."""

import numpy as np
import pytest
import torch

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.collection import recipes_of
from ctrbench.experiments.recipe import read_recipe
from ctrbench.report.figures.alpha import alpha

T_95 = 4.302652729911275
"""Of Student's t with two degrees of freedom, two-sided 95 %."""
MARGIN = T_95 * 0.01 / 3**0.5
"""Of a gain of 0.01, 0.02, 0.03."""

VARIANTS = '\n[variants."8"]\n"method.projection_size" = 8\n[variants.larger]\n"method.projection_size" = 64\n'
ALPHAS = (
    '\n[variants."0.3"]\n"datasets.amazon-beauty.method.constant_alpha" = 0.3\n[variants.adaptive]\n'
    "[methods.plain]\n[methods.aqcl]\nw1 = 2.0\nw2 = 0.5\n"
)


def test_activeness_runs_down_and_its_groups_are_those_of_the_cut(picture):
    frame = picture("activeness").frame
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
        "highly-active": 10.0,
        "slightly-active": 30.0,
        "non-active": 60.0,
    }


COUNTS = '\npublished = "aqcl_table1"\n[not_comparable]\nta-feng = "by hand"\n'


def test_counts_beside_the_published_ones(picture):
    found = picture("counts", COUNTS, missing=lambda cell, seed: True)
    rows = found.frame.astype(object).where(found.frame.notna(), None).to_numpy().tolist()
    assert rows == [
        ["amazon-beauty", "users", 22_363, 22_363, "equal", None],
        ["amazon-beauty", "items", 12_101, 12_101, "equal", None],
        ["amazon-beauty", "samples", 198_502, 198_502, "equal", None],
        ["ta-feng", "users", 22_363, 32_266, "not comparable", "by hand"],
        ["ta-feng", "items", 12_101, 23_812, "not comparable", "by hand"],
        ["ta-feng", "samples", 198_502, 817_741, "not comparable", "by hand"],
    ]
    assert found.incomplete is None


def test_other_counts_than_the_published_ones_differ(picture):
    found = picture("counts", '\npublished = "aqcl_table1"\n', missing=lambda cell, seed: True).frame
    assert found["verdict"].to_list() == ["equal"] * 3 + ["differs"] * 3


def test_counts_of_what_is_not_published(picture):
    found = picture("counts", missing=lambda cell, seed: True).frame
    assert set(found["verdict"]) == {"not published"}
    with pytest.raises(CtrbenchError, match="unknown published table 'aqcl_table2'; did you mean aqcl_table1"):
        picture("counts", '\npublished = "aqcl_table2"\n', missing=lambda cell, seed: True)


def test_the_shipped_table_1_names_the_simulated_dataset_as_not_comparable():
    recipe = read_recipe("aqcl-table1")
    assert (recipe.figure, recipe.published) == ("counts", "aqcl_table1")
    assert set(recipe.not_comparable) < set(recipe.datasets)
    assert recipes_of("all-aqcl")[0] == "aqcl-table1"


def test_alpha_is_that_of_the_method(feed):
    from ctrbench.experiments.config import RunConfig
    from ctrbench.experiments.single import build

    settings = {"w1": 0.7, "w2": 1.8}
    _, method = build(RunConfig(dataset="small", backbone="din", method="aqcl", seed=0, method_settings=settings), feed)
    relative = np.array([0.0, 0.5, 1.0, 3.0])
    expected = method.alpha(torch.tensor(relative * method.mean_click_length)).numpy()
    np.testing.assert_allclose(alpha(relative, **settings), expected, rtol=1e-6)


def test_the_family_of_alpha_needs_no_record(picture):
    found = picture("alpha-family", missing=lambda cell, seed: True)
    frame = found.frame
    assert set(frame["varied"]) == {"w1", "w2"}
    at = frame[(frame["varied"] == "w1") & (frame["w1"] == 2) & (frame["relative_length"] == 0.5)]
    assert at["alpha"].item() == pytest.approx(np.exp(-1))
    at = frame[(frame["varied"] == "w2") & (frame["w2"] == 2) & (frame["relative_length"] == 2)]
    assert at["alpha"].item() == pytest.approx(np.exp(-4))
    # All curves of w2 meet at Lbar.
    assert np.allclose(frame[(frame["varied"] == "w2") & (frame["relative_length"] == 1)]["alpha"], np.exp(-1))
    assert found.incomplete is None


def test_variants_stand_beside_the_base_with_paired_intervals(picture):
    frame = picture("variants", VARIANTS).frame
    own = frame[(frame["dataset"] == "ta-feng")].set_index(["variant", "method"])
    assert set(own["setting"]) == {"method.projection_size"}
    assert own.loc[("8", "plain"), ["auc", "seeds"]].to_list() == [pytest.approx(0.704), 3]
    assert np.isnan(own.loc[("8", "plain"), "gain"])
    found = own.loc[("8", "aqcl"), ["auc", "gain", "gain_low", "gain_high"]].to_list()
    assert found == pytest.approx([0.704 + 0.018, 0.018, 0.018 - MARGIN, 0.018 + MARGIN])
    assert own.loc[("larger", "aqcl"), "gain"] == pytest.approx(0.02)


def test_adaptive_alpha_has_curves_of_all_datasets_and_runs_of_one(picture):
    text = ALPHAS.replace("[methods.plain]\n[methods.aqcl]\nw1 = 2.0\nw2 = 0.5\n", "")
    frame = picture("adaptive-alpha", text).frame
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


def test_gain_by_click_length(picture):
    frame = picture("gain-by-click-length").frame
    own = frame[frame["dataset"] == "amazon-beauty"].set_index("click_length")
    assert own.index.to_list() == ["L 0", "L 1 to 4", "L 5 to 30"]
    assert set(own["method"]) == {"aqcl"}
    assert set(own["rows"]) == {100}
    found = own.loc["L 0", ["gain", "gain_low", "gain_high"]].to_list()
    assert found == pytest.approx([0.04, 0.04 - 2 * MARGIN, 0.04 + 2 * MARGIN])
    assert own.loc["L 1 to 4", "gain"] == pytest.approx(0.02)


def test_use_of_the_codebook_by_epoch(picture):
    found = picture("codebook-use")
    own = found.frame.set_index(["dataset", "part", "epoch"])
    first = own.loc[("ta-feng", "alive", "1")]
    assert first[["seeds", "mean", "low", "high"]].to_list() == pytest.approx([3, 0.61, 0.60, 0.62])
    last = own.loc[("ta-feng", "alive", "4")]
    assert last[["seeds", "mean", "low", "high"]].to_list() == pytest.approx([1, 0.92, 0.92, 0.92])
    assert own.loc[("ta-feng", "perplexity", "2"), "mean"] == 22
    assert set(own["codewords"]) == {128}
    assert own.loc[("ta-feng", "alive", "kept")].equals(first)
    assert found.frame["epoch"].to_list()[-2:] == ["kept", "kept"]
    assert found.summary["epoch"].to_list() == ["1", "1", "kept", "kept"] * 2


def test_use_of_a_codebook_that_no_method_has(picture):
    message = "mine: no finished run tells the use of a codebook; aqcl does: ctrbench run mine"
    with pytest.raises(CtrbenchError, match=message):
        picture("codebook-use", missing=lambda cell, seed: cell.method == "aqcl")


def test_representations_are_judged_in_h_by_the_same_codewords(picture):
    found = picture("representations", "\nrepresentations = 60\n")
    frame = found.frame[found.frame["dataset"] == "amazon-beauty"]
    plain, aqcl = (frame[frame["method"] == method] for method in ("plain", "aqcl"))
    assert len(plain) == len(aqcl) == 60
    assert plain["codeword"].to_list() == aqcl["codeword"].to_list()
    assert plain["shown"].all()
    summary = found.summary.set_index(["dataset", "method"])
    judged = summary.loc[("amazon-beauty", "aqcl")]
    assert judged["codewords_in_use"] == 3
    assert judged["by_codeword"] == judged["by_own_clusters"] > 0.8
    cloud = summary.loc[("amazon-beauty", "plain")]
    assert abs(cloud["by_codeword"]) < 0.1 < cloud["by_own_clusters"]


def test_representations_that_were_not_filed(picture, tmp_path):
    picture("representations", "\nrepresentations = 30\n")
    for path in (tmp_path / "results").glob("runs/*/representations.parquet"):
        path.write_bytes(b"damaged")
    with pytest.raises(
        CtrbenchError, match=r"representations\.parquet: cannot be read .*; repeat the run: ctrbench run"
    ):
        picture("representations", "\nrepresentations = 30\n", missing=lambda cell, seed: True)


def test_representations_without_a_codebook_beside_them(picture):
    with pytest.raises(CtrbenchError, match="mine: none of plain has a codebook on amazon-beauty; aqcl has one"):
        picture("representations", "\nrepresentations = 30\n", missing=lambda cell, seed: cell.method == "aqcl")
