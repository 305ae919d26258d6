import json

import numpy as np
import pytest
import torch

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.testing.data import make_dataset
from tests.benchmarks.contestants import engine
from tests.benchmarks.data import BATCH
from tests.benchmarks.peers import __main__ as driver
from tests.benchmarks.peers import engine as our_engine
from tests.benchmarks.peers import environments, groups, report, rows
from tests.benchmarks.peers.libraries import GROUPED, TRAINING, Library

OURS = "ctrbench"
FAST, SLOW = (Library(name, name, name, f"what {name} cannot do") for name in ("fast", "slow"))


@pytest.fixture(scope="module")
def beauty(tmp_path_factory):
    """A dataset of a few batches in the place of the one that is measured."""
    folder = tmp_path_factory.mktemp("peers")
    make_dataset(folder, "amazon-beauty")
    return folder


@pytest.fixture
def laps():
    """Three rounds in which the fast rival takes 3, 4 and 5 times as long as we do, the slow one 8 times."""
    measured = report.Laps(OURS)
    for ours, factor in ((1.0, 3), (2.0, 4), (1.0, 5)):
        measured.add(OURS, {"training": ours})
        measured.add("fast", {"training": ours * factor})
        measured.add("slow", {"training": ours * 8})
    return measured


def test_the_rows_are_those_that_the_engine_trains_on(beauty, tmp_path):
    prepared = Prepared.read(beauty / "amazon-beauty")
    rows.write(prepared, tmp_path / "rows.npz")
    training = engine(prepared, "din", "plain", 0, looks=rows.PARTS)
    examples = training.begin(1).part(1)
    assert len(examples) >= BATCH
    with np.load(tmp_path / "rows.npz") as file:
        written = {name.removeprefix("train_"): file[name] for name in file if name.startswith("train_")}
    assert len(written["label"]) == len(examples)
    begin = 0
    for batch in training.feed.batches(examples, BATCH):
        part = slice(begin, begin + len(batch.labels))
        history = [list(clicks) for clicks in torch.tensor_split(batch.history[:, 0], batch.offsets[1:-1])]
        assert np.array_equal(np.stack([written["user"], written["item"]], 1)[part], batch.ids.numpy())
        assert np.array_equal(written["label"][part], batch.labels[:, 0].numpy())
        assert [
            list(row[:length]) for row, length in zip(written["history"][part], written["length"][part], strict=True)
        ] == history
        begin = part.stop
    beyond = np.arange(written["history"].shape[1]) >= written["length"][:, None]
    assert not written["history"][beyond].any()


def test_test_rows_are_written_whole_and_nobody_warms_up_on_measured_ones(beauty, tmp_path):
    prepared = Prepared.read(beauty / "amazon-beauty")
    rows.write(prepared, tmp_path / "rows.npz")
    with np.load(tmp_path / "rows.npz") as file:
        assert len(file["test_label"]) == len(prepared.indices(Split.TEST))
        assert 0 < len(file["warm_up_label"]) <= rows.WARM_UP * BATCH
        assert json.loads(str(file["sizes"]))["items"] == prepared.manifest.items + 1


@pytest.mark.parametrize("model", driver.TITLES)
def test_the_engine_is_measured(beauty, tmp_path, capsys, model):
    our_engine.main(model, "reference", str(beauty), str(tmp_path / "scores.npy"))
    measured = json.loads(capsys.readouterr().out)
    assert min(measured["training"], measured["prediction"]) > 0
    scores = np.load(tmp_path / "scores.npy")
    assert len(scores) == len(Prepared.read(beauty / "amazon-beauty").indices(Split.TEST))


def test_a_table_shows_medians_of_the_ratios_within_a_round(laps):
    text = report.table(laps, [FAST, SLOW], ["training"], {})
    assert "| fast      | 5.000         | 4.00 (3.00 to 5.00) |" in text
    assert "| ctrbench  | 1.000         | 1.00 (1.00 to 1.00) |" in text


def test_a_rival_without_numbers_is_named_with_the_reason(laps):
    laps.fail("slow", "cannot be installed: no such version")
    text = report.table(laps, [FAST, SLOW], ["training"], {})
    assert "cannot be installed: no such version" in text
    assert "slow" in text


@pytest.mark.parametrize(("limit", "verdict"), [(4, "holds"), (4.001, "FAILS")])
def test_a_goal_is_judged_by_the_fastest_rival(laps, limit, verdict):
    line = report.goal("DIN", laps, [FAST, SLOW], "training", limit)
    assert line == ["DIN: CPU seconds of the fastest (fast) over ours", 4.0, f">= {limit:g}", verdict]


def test_a_goal_without_any_rival_fails():
    laps = report.Laps(OURS)
    laps.add(OURS, {"training": 1.0})
    laps.fail("fast", "cannot be installed")
    assert report.goal("DIN", laps, [FAST], "training", 6)[-1] == "FAILS"


def test_nothing_is_rounded_in_our_favour():
    laps = report.Laps(OURS)
    laps.add(OURS, {"training": 1.0001})
    laps.add("fast", {"training": 5.9999})
    assert report.goal("DIN", laps, [FAST], "training", 6)[1:] == [5.99, ">= 6", "FAILS"]
    text = report.table(laps, [FAST], ["training"], {})
    assert "1.001" in text
    assert "5.999" in text
    assert "6.0" not in text


def test_our_grouped_auc_agrees_with_the_exact_one(tmp_path):
    from sklearn.metrics import roc_auc_score

    path = tmp_path / "rows.npz"
    groups.write(path, 40, rows=200)
    with np.load(path) as file:
        columns = {name: file[name] for name in ("group", "label", "score")}
    exact = np.full(40, np.nan)
    for group in range(40):
        label, score = (columns[name][columns["group"] == group] for name in ("label", "score"))
        if 0 < label.sum() < len(label):
            exact[group] = roc_auc_score(label, score)
    assert np.isnan(exact).any()
    ours = groups.auc_by_group(columns, 40)
    assert groups.disagreement(path, exact, ours) < 1e-12
    assert groups.disagreement(path, exact, ours + 1e-3) == pytest.approx(1e-3)
    assert groups.disagreement(path, exact, np.zeros(40)) == np.inf
    weight = np.bincount(columns["group"], minlength=40)
    weighted = np.nansum(exact * weight) / weight[~np.isnan(exact)].sum()
    assert groups.disagreement(path, exact, np.array([weighted])) < 1e-12


@pytest.fixture
def made_up(beauty, tmp_path, monkeypatch):
    """The driver with made-up measurements: we take one second, a rival its ``seconds``, or 20."""
    seconds, seen = {}, []
    values, scores = (
        np.array([0.5, 0.75]),
        np.linspace(0, 1, len(Prepared.read(beauty / "amazon-beauty").indices(Split.TEST))),
    )
    monkeypatch.setenv("CTRBENCH_DATA", str(beauty))
    monkeypatch.setenv("CTRBENCH_RESULTS", str(tmp_path))
    monkeypatch.setattr(driver, "PEERS", tmp_path / "peers")
    monkeypatch.setattr(driver, "install", lambda name: None)
    monkeypatch.setattr(driver.groups, "ROWS", 100)
    monkeypatch.setattr(driver.groups, "write", lambda path, count: np.savez(path, group=np.arange(2)))

    def report_of(name, path):
        seen.append(name)
        np.save(path, values if path.name == "values.npy" else scores)
        taken = seconds.get(name, 20.0)
        if isinstance(taken, str):
            raise RuntimeError(taken)
        return {"training": taken, "prediction": taken, "evaluation": taken, "versions": {name: "1.0"}}

    def ours(module, *arguments):
        measured = report_of("ours", arguments[-1])
        return {name: measured[name] for name in ("training", "prediction", "evaluation")}

    seconds["ours"] = 1.0
    monkeypatch.setattr(driver, "ours", ours)
    monkeypatch.setattr(driver, "theirs", lambda rival, *arguments: report_of(rival.name, arguments[-1]))
    return seconds, seen, tmp_path / "bench-peers.md"


def test_the_driver_writes_a_page_with_every_rival_and_verdict(made_up):
    _, seen, page = made_up
    assert driver.main(["--rounds", "2", "--grouped-rounds", "1"]) == 0
    text = page.read_text("utf-8")
    assert text.count("| holds") == 4
    assert all(rival.name in text for rival in [*TRAINING, *GROUPED])
    assert [name for name in seen[-5:] if name != "ours"] == [rival.name for rival in TRAINING]


def test_a_missed_goal_is_the_status(made_up):
    seconds, _, page = made_up
    seconds["RecBole"] = 5.9
    assert driver.main(["--rounds", "1", "--grouped-rounds", "1"]) == 1
    failing = [line for line in page.read_text("utf-8").splitlines() if "FAILS" in line]
    assert [[cell.strip() for cell in line.split("|")[2:5]] for line in failing] == [["5.9", ">= 6", "FAILS"]]


def test_a_rival_that_fails_is_named_and_the_others_are_measured(made_up):
    seconds, _, page = made_up
    seconds["DeepCTR-Torch"] = "AttributeError: np.float_"
    assert driver.main(["--rounds", "2", "--grouped-rounds", "1"]) == 0
    assert page.read_text("utf-8").count("cannot be run: AttributeError: np.float_") == 2


def test_results_that_disagree_stop_the_bench(made_up, monkeypatch, capsys):
    _, _, page = made_up
    monkeypatch.setattr(driver.groups, "disagreement", lambda path, exact, values: 1e-3)
    assert driver.main(["--rounds", "1", "--grouped-rounds", "1"]) == 1
    assert "differs from scikit-learn by 0.001" in capsys.readouterr().err
    assert not page.exists()


@pytest.mark.parametrize("name", sorted({rival.environment for rival in [*TRAINING, *GROUPED]}))
def test_every_environment_pins_its_versions(name):
    lines = environments.requirements(name).read_text("utf-8").splitlines()
    assert all("==" in line for line in lines if not line.startswith("#"))


def test_an_environment_that_cannot_be_installed_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(environments, "PEERS", tmp_path)
    monkeypatch.setattr(environments.sys, "executable", "false")
    assert environments.install("recbole") == "no message"
