"""All metrics of all groups, checked group by group."""

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from ctrbench.errors import CtrbenchError
from ctrbench.metrics import METRICS
from ctrbench.metrics.measure import Groups, measure
from ctrbench.metrics.row_loss import row_loss
from ctrbench.metrics.sample import Sample
from tests.fakes.outside import install
from tests.metrics import by_hand

AGES = ["young", "middle", "old"]


@pytest.fixture
def rows():
    random = np.random.default_rng(3)
    label = random.integers(0, 2, 600)
    probability = np.round(np.clip(random.random(600) * 0.8 + 0.1 * label, 0, 1), 2)
    return label, probability, random.integers(0, 40, 600), random.integers(-1, 3, 600).astype(np.int16)


def test_every_group_equals_its_rows_measured_alone(rows):
    label, probability, user, codes = rows
    measured = measure(Sample(label, probability, user), {"age": (codes, AGES)})
    assert list(measured.groups) == ["overall", "age"]
    assert measured.groups["overall"] == Groups(["overall"], [600], [int(label.sum())])
    assert measured.groups["age"].names == AGES
    places = [("overall", 0, np.ones(600, bool)), *(("age", code, codes == code) for code in range(3))]
    for column, place, own in places:
        y, p = label[own], probability[own]
        values = {metric: found[column][place] for metric, found in measured.values.items()}
        assert (measured.groups[column].rows[place], measured.groups[column].positives[place]) == (len(y), y.sum())
        assert values["auc"] == pytest.approx(roc_auc_score(y, p), abs=1e-12)
        assert values["logloss"] == pytest.approx(log_loss(y, p), abs=1e-10)
        assert values["ne"] == pytest.approx(log_loss(y, p) / log_loss(y, np.full(len(y), y.mean())), abs=1e-10)
        assert values["calibration"] == pytest.approx(p.mean() / y.mean(), abs=1e-12)
        assert values["gauc"] == pytest.approx(by_hand.gauc(y, p, user[own]), abs=1e-12)
        assert values["ne_shared"] == pytest.approx(by_hand.ne_shared(y, p, label.mean()), abs=1e-10)


def test_sums_of_groups_run_in_the_order_of_rows(rows):
    """Stored records hold these bits: another order of summing would change the last of them."""
    label, probability, _, codes = rows
    values = measure(Sample(label, probability), {"age": (codes, AGES)}).values
    loss, _ = row_loss(label, probability)
    for column, place, own in [("overall", 0, codes >= -1), *(("age", code, codes == code) for code in range(3))]:
        mean_loss = float(np.cumsum(loss[own])[-1] / own.sum())
        rate = float(label[own].mean())
        entropy = -rate * math.log(rate) - (1 - rate) * math.log1p(-rate)
        assert values["logloss"][column][place] == mean_loss
        assert values["ne"][column][place] == mean_loss / entropy
        assert values["calibration"][column][place] == np.cumsum(probability[own])[-1] / label[own].sum()


def test_rows_outside_every_group_count_overall_only(rows):
    label, probability, _, codes = rows
    groups = measure(Sample(label, probability), {"age": (codes, AGES)}, ["auc"]).groups
    outside = int((codes == -1).sum())
    assert outside > 0
    assert sum(groups["age"].rows) == groups["overall"].rows[0] - outside


def test_group_of_one_class_and_group_without_rows():
    sample = Sample(np.array([1, 1, 0]), np.array([0.5, 1.0, 0.0]))
    measured = measure(sample, {"c": (np.array([0, 0, 2], np.int8), ["clicks", "nobody", "skips"])})
    values = {metric: found["c"] for metric, found in measured.values.items()}
    assert measured.groups["c"] == Groups(["clicks", "nobody", "skips"], [2, 0, 1], [2, 0, 0])
    assert measured.clipped == 2
    assert values["logloss"] == [pytest.approx(math.log(2) / 2), None, pytest.approx(1e-12)]
    assert values["calibration"] == [0.75, None, None]
    for metric in ("auc", "ne", "gauc", "ne_shared"):
        assert values[metric] == [None, None, None]


def test_scores_that_are_no_probabilities_have_ranking_metrics_only():
    sample = Sample(np.array([0, 1, 1]), np.array([3, 900, 2]), np.array([7, 7, 7]), probabilities=False)
    measured = measure(sample, {"c": (np.zeros(3, int), ["all"])})
    assert measured.clipped == 0
    for name in measured.values:
        expected = None if METRICS.get(name).needs_probabilities else 0.5
        assert measured.values[name] == {"overall": [expected], "c": [expected]}


def test_rows_are_column_by_column_and_group_by_group():
    sample = Sample(np.array([0, 1]), np.array([0.5, 0.5]))
    measured = measure(sample, {"c": (np.array([0, 1]), ["a", "b"])}, ["calibration", "auc"])
    assert list(measured.rows()) == [
        ("overall", "overall", "calibration", 1.0),
        ("overall", "overall", "auc", 0.5),
        ("c", "a", "calibration", None),
        ("c", "a", "auc", None),
        ("c", "b", "calibration", 0.5),
        ("c", "b", "auc", None),
    ]


def test_a_sample_without_rows_has_no_values():
    measured = measure(Sample(np.array([]), np.array([])), {"c": (np.zeros(0, int), ["all"])})
    assert measured.groups["overall"] == Groups(["overall"], [0], [0])
    assert {value for *_, value in measured.rows()} == {None}


def test_codes_stay_writeable(rows):
    label, probability, user, codes = rows
    measure(Sample(label, probability, user), {"age": (codes, AGES)})
    assert codes.flags.writeable


@pytest.mark.parametrize(
    ("column", "codes", "names", "message"),
    [
        ("age", [0, 1], ["young", "old"], "column 'age' has 2 codes for 3 rows"),
        ("age", [0, 1, 2], ["young", "old"], "codes 0 to 2 do not fit 2 names"),
        ("age", [-2, 0, 0], ["young", "old"], "codes -2 to 0 do not fit 2 names"),
        ("age", [0, 1, 1], ["young", "young"], "column 'age' has 2 groups named 'young'"),
        ("overall", [0, 0, 0], ["all"], "a column is named 'overall'"),
    ],
)
def test_columns_that_do_not_fit_are_refused(column, codes, names, message):
    with pytest.raises(ValueError, match=message):
        measure(Sample(np.array([0, 1, 1]), np.full(3, 0.5)), {column: (np.array(codes), names)})


def test_scores_outside_0_to_1_are_no_probabilities():
    with pytest.raises(ValueError, match="1 of 2 probabilities lie outside"):
        measure(Sample(np.array([0, 1]), np.array([0.5, 1.5])), {}, ["auc"])


def test_unknown_metric_is_refused():
    with pytest.raises(CtrbenchError, match="unknown metric 'aucc'; did you mean auc"):
        measure(Sample(np.array([0, 1]), np.array([0.5, 0.6])), {}, ["aucc"])


def test_a_metric_whose_package_is_broken_is_not_among_all_there_are(rows, tmp_path, monkeypatch):
    """It costs no other metric, and no run that does not ask for it."""
    label, probability, user, _ = rows
    before = measure(Sample(label, probability, user), {})
    install(tmp_path, monkeypatch, kind="metric", name="broken", source="raise ImportError('no')")
    assert "broken" in METRICS.names()
    assert measure(Sample(label, probability, user), {}).values == before.values
    with pytest.raises(CtrbenchError, match=r"metric 'broken': .* cannot be loaded \(ImportError: no\)"):
        measure(Sample(label, probability, user), {}, ["broken"])
