import copy
import datetime
import errno
import re

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.formats import Request, Simulation
from ctrbench.prepare.oncold import prepare
from ctrbench.prepare.oncold.blocks import make_block
from ctrbench.prepare.oncold.simulate import make_plan
from ctrbench.prepare.writer import Writer

COLUMNS = {
    "rows": {
        "user": np.int32,
        "item": np.int32,
        "click": np.int8,
        "conversion": np.int8,
        "start": np.int64,
        "length": np.int32,
        "time": np.int64,
        "split": np.int8,
        "search_holdout": np.int8,
        "surface": np.int32,
        "surface_group": np.int16,
        "age_surface_group": np.int16,
    },
    "items": {
        "popularity": np.int64,
        "category": np.int32,
        "advertiser": np.int32,
        "advertiser_size": np.int32,
        "advertiser_size_group": np.int16,
    },
    "users": {
        "age": np.int32,
        "user_value": np.int32,
        "age_group": np.int16,
        "user_value_group": np.int16,
        "user_value_percentile": np.int16,
    },
    "truth": {
        "click": np.float64,
        "conversion": np.float64,
        "real_click": np.float64,
        "real_click_label": np.int8,
    },
}


@pytest.mark.parametrize("file", COLUMNS)
def test_files_have_the_columns_of_the_schema(simulated, file):
    assert {name: column.dtype for name, column in getattr(simulated, file).items()} == COLUMNS[file]


def test_manifest_counts_what_the_files_hold(simulated):
    manifest, rows = simulated.manifest, simulated.rows
    assert manifest.interactions == len(rows["user"]) == len(simulated.truth["click"])
    assert manifest.users == len(np.unique(rows["user"])) == len(simulated.users["age"]) - 1
    assert manifest.items == len(simulated.items["popularity"]) - 1
    for part in Split:
        counts = manifest.splits[part.name.lower()]
        assert counts.rows == (rows["split"] == part).sum()
        assert counts.positives == rows["click"][rows["split"] == part].sum()
    aside = rows["search_holdout"] == 1
    assert (manifest.search_holdout.rows, manifest.search_holdout.positives) == (
        aside.sum(),
        rows["click"][aside].sum(),
    )
    assert manifest.mean_click_length == manifest.splits["train"].positives / manifest.users
    assert (manifest.labels, manifest.negatives.source, manifest.synthetic) == (
        ("click", "conversion"),
        "impressions",
        True,
    )


def test_every_field_and_cohort_lies_where_the_manifest_says(simulated):
    tables = {"user": simulated.users, "item": simulated.items, "row": simulated.rows}
    for field in simulated.manifest.fields:
        if field.name in ("user", "item"):
            continue
        ids = tables[field.source][field.name]
        assert ids.min() == (1 if field.source == "row" else 0), field.name
        assert ids.max() < field.size, field.name
        if field.source != "row":
            assert ids[0] == 0, field.name
    for cohort in simulated.manifest.cohorts:
        codes = tables[cohort.source][cohort.name]
        known = codes if cohort.source == "row" else codes[1:]
        assert set(known.tolist()) == set(range(len(cohort.values))), cohort.name


def test_full_scale_has_the_sizes_of_table_1(card):
    plan = make_plan(card, Simulation(scale=1.0))
    assert (plan.users, plan.items) == (908_400, 21_078)
    expected = plan.users * plan.parameters.population.impressions_per_user
    assert expected == pytest.approx(53_754_238, rel=1e-4)


def test_scale_multiplies_users_and_the_square_root_of_it_items(card):
    plan = make_plan(card, Simulation(scale=0.01))
    assert (plan.users, plan.items) == (9084, 2108)


def test_impressions_per_user_are_as_the_card_says(simulated):
    counts = np.bincount(simulated.rows["user"])[1:]
    standard_error = counts.std() / np.sqrt(len(counts))
    assert abs(counts.mean() - 59.175) < 4 * standard_error


def test_activity_is_heavy_tailed(simulated):
    counts = np.sort(np.bincount(simulated.rows["user"])[1:])
    assert counts[-len(counts) // 10 :].sum() > 0.35 * counts.sum()
    assert counts.mean() > 1.5 * np.median(counts)


def test_activeness_cuts_test_users_60_30_10_at_clearly_different_lengths(simulated):
    activeness = simulated.manifest.activeness
    assert activeness.shares == pytest.approx((0.6, 0.3, 0.1), abs=0.06)
    assert activeness.cutoffs[1] > 3 * activeness.cutoffs[0] > 0


def test_split_is_by_calendar_day(simulated):
    first_day = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC).timestamp()
    day = (simulated.rows["time"] - int(first_day)) // 86_400
    for part, first, last in ((Split.TRAIN, 0, 69), (Split.VALIDATION, 70, 79), (Split.TEST, 80, 89)):
        days = day[simulated.rows["split"] == part]
        assert (days.min(), days.max()) == (first, last)


def test_as_many_training_days_are_set_aside_as_test_has(simulated):
    day = (simulated.rows["time"] - simulated.rows["time"].min() // 86_400 * 86_400) // 86_400
    assert day.max() == 89
    assert np.array_equal(simulated.rows["search_holdout"] == 1, (day >= 60) & (day < 70))


def test_the_curve_of_activeness_is_that_of_the_test_users(simulated):
    rows = simulated.rows
    test = np.flatnonzero(rows["split"] == Split.TEST)
    _, first = np.unique(rows["user"][test], return_index=True)
    lengths = np.sort(rows["length"][test[first]])
    curve = simulated.manifest.activeness_curve
    assert (len(curve), curve[0], curve[100]) == (101, lengths[0], lengths[-1])
    assert curve[60] <= simulated.manifest.activeness.cutoffs[0] <= curve[61]


def test_sequence_is_every_users_clicks_in_time_order(simulated):
    rows = simulated.rows
    order = np.lexsort((rows["time"], rows["user"]))
    assert np.array_equal(order, np.arange(len(order)))
    assert np.array_equal(simulated.sequence, rows["item"][rows["click"] == 1])


def test_histories_hold_exactly_the_earlier_clicks_of_the_user(simulated):
    rows = simulated.rows
    clicked = np.flatnonzero(rows["click"])
    for row in np.random.default_rng(0).choice(len(rows["user"]), 500, replace=False):
        mine = clicked[rows["user"][clicked] == rows["user"][row]]
        earlier = mine[rows["time"][mine] < rows["time"][row]]
        history = simulated.sequence[rows["start"][row] :][: rows["length"][row]]
        assert np.array_equal(history, rows["item"][earlier])


def test_popularity_counts_training_clicks_only(simulated):
    rows = simulated.rows
    trained = (rows["split"] == Split.TRAIN) & (rows["click"] == 1)
    expected = np.bincount(rows["item"][trained], minlength=simulated.manifest.items + 1)
    assert np.array_equal(simulated.items["popularity"], expected)


def test_conversions_follow_clicks_only(simulated):
    assert simulated.rows["conversion"].sum() > 1000
    assert not (simulated.rows["conversion"] > simulated.rows["click"]).any()


@pytest.mark.parametrize("label", ["click", "conversion"])
def test_labels_are_drawn_from_the_truth(simulated, label):
    truth, drawn = simulated.truth[label], simulated.rows[label]
    for lowest, highest in ((0, 1), (0, 0.05), (0.05, 0.3), (0.3, 1)):
        chosen = (truth >= lowest) & (truth < highest)
        if chosen.any():
            sigma = np.sqrt((truth[chosen] * (1 - truth[chosen])).sum())
            assert abs(drawn[chosen].sum() - truth[chosen].sum()) < 4 * sigma


def test_oracle_is_a_ceiling_worth_learning(simulated):
    test = simulated.rows["split"] == Split.TEST
    click = simulated.rows["click"][test]
    oracle = roc_auc_score(click, simulated.truth["click"][test])
    popularity = roc_auc_score(click, simulated.items["popularity"][simulated.rows["item"][test]])
    assert 0.80 < oracle < 0.87
    assert 0.56 < popularity < 0.65


def test_click_rate_is_neither_rare_nor_common(simulated):
    assert 0.10 < simulated.rows["click"].mean() < 0.20


def test_clicks_of_the_history_tell_the_taste(simulated, plan):
    """The mean taste vector of the clicked items, against the candidate's: worth at least 0.05 AUC."""
    rows, vector = simulated.rows, plan.world().items.vector
    clicks = np.concatenate([np.zeros((1, vector.shape[1])), np.cumsum(vector[simulated.sequence - 1], axis=0)])
    seen = clicks[rows["start"] + rows["length"]] - clicks[rows["start"]]
    affinity = (seen * vector[rows["item"] - 1]).sum(axis=1) / np.maximum(rows["length"], 1)
    without = np.column_stack([np.log1p(simulated.items["popularity"][rows["item"]]), rows["surface"] == 2])
    train, test = rows["split"] == Split.TRAIN, rows["split"] == Split.TEST
    scores = []
    for features in (without, np.column_stack([without, affinity, affinity * np.log1p(rows["length"])])):
        model = LogisticRegression().fit(features[train], rows["click"][train])
        scores.append(roc_auc_score(rows["click"][test], model.decision_function(features[test])))
    assert scores[1] > scores[0] + 0.05


def test_cold_start_exists_on_both_sides(simulated):
    rows = simulated.rows
    test = rows["split"] == Split.TEST
    assert 0.02 < (rows["length"][test] == 0).mean() < 0.2
    assert 0.02 < (simulated.items["popularity"][rows["item"][test]] == 0).mean() < 0.2


@pytest.mark.parametrize("name", ["age_group", "surface_group", "user_value_group", "advertiser_size_group"])
def test_cohorts_click_differently(simulated, name):
    [cohort] = [cohort for cohort in simulated.manifest.cohorts if cohort.name == name]
    codes = {
        "row": lambda: simulated.rows[name],
        "user": lambda: simulated.users[name][simulated.rows["user"]],
        "item": lambda: simulated.items[name][simulated.rows["item"]],
    }[cohort.source]()
    rates = [simulated.rows["click"][codes == code].mean() for code in range(len(cohort.values))]
    ceilings = [
        roc_auc_score(simulated.rows["click"][codes == code], simulated.truth["click"][codes == code])
        for code in range(len(cohort.values))
    ]
    assert max(rates) > 1.2 * min(rates)
    # A cohort that differed in its intercept alone would leave the ranking within as it is.
    assert max(ceilings) - min(ceilings) > 0.02


def test_bytes_do_not_depend_on_the_number_of_jobs(simulate, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    manifests = []
    for jobs, folder in enumerate(folders, start=1):
        folder.mkdir()
        manifests.append(simulate(folder, scale=0.0025, jobs=jobs))
    assert manifests[0] == manifests[1]
    for file in manifests[0].files:
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes()


def test_another_seed_gives_other_data(simulate, tmp_path):
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    for folder in (first, again, other):
        folder.mkdir()
    one = simulate(first, scale=0.0005, seed=0)
    assert simulate(again, scale=0.0005, seed=0).fingerprint == one.fingerprint
    changed = simulate(other, scale=0.0005, seed=1).contents
    assert all(changed[file] != columns for file, columns in one.contents.items())


def test_a_block_does_not_depend_on_those_before_it(plan):
    alone = make_block(plan, 1)
    make_block(plan, 0)
    again = make_block(plan, 1)
    assert all(np.array_equal(column, again.rows[name]) for name, column in alone.rows.items())


def test_progress_counts_blocks(card, tmp_path):
    seen = []
    prepare(
        Request(
            card=card,
            files={},
            checksums={},
            folder=tmp_path,
            simulation=Simulation(scale=0.0025),
            progress=lambda *told: seen.append(told),
        )
    )
    assert seen == [("blocks of users", 1, 2), ("blocks of users", 2, 2)]


def test_a_failing_disk_ends_the_simulation_with_its_own_error(simulate, tmp_path, monkeypatch):
    def full(self: Writer, file: str, table: pa.Table) -> None:
        if file == "rows.parquet":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Writer, "append", full)
    with pytest.raises(OSError, match="No space"):
        simulate(tmp_path, scale=0.0025, jobs=2)


@pytest.mark.parametrize(
    ("simulation", "message"),
    [
        (Simulation(scale=0), "--scale 0"),
        (Simulation(scale=float("nan")), "--scale nan"),
        (Simulation(seed=-1), "--seed -1"),
        (Simulation(jobs=0), "--jobs 0"),
    ],
)
def test_options_out_of_range_are_refused(card, simulation, message):
    with pytest.raises(CtrbenchError, match=f"oncold-sim: {message}"):
        make_plan(card, simulation)


def test_a_misspelt_parameter_is_refused_with_the_nearest_name(card):
    behaviour = card.options["behaviour"] | {"click_tast": 1.0}
    wrong = card.model_copy(update={"options": card.options | {"behaviour": behaviour}})
    with pytest.raises(CtrbenchError, match=r"options: .*behaviour\.click_tast.*did you mean"):
        make_plan(wrong, Simulation())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, -1e300, 10**12])
@pytest.mark.parametrize(
    "path",
    [
        *("days", "population.users", "population.impressions_per_user", "population.activity_spread"),
        *("population.value_percentiles", "population.ages.0.click", "population.values.0.conversion"),
        *("catalogue.items", "catalogue.dimensions", "catalogue.zipf", "catalogue.sizes.0.taste"),
        *("behaviour.click", "behaviour.daily_rhythm", "behaviour.conversion_taste", "behaviour.surfaces.0.share"),
    ],
)
def test_a_number_without_bounds_is_refused(card, path, value):
    options = copy.deepcopy(card.options)
    *sections, key = path.split(".")
    section = options
    for part in sections:
        section = section[int(part) if part.isdigit() else part]
    section[key] = value
    with pytest.raises(
        CtrbenchError, match=rf"oncold-sim: options: {re.escape(path)}: (input should be|unable to parse)"
    ):
        make_plan(card.model_copy(update={"options": options}), Simulation())


def test_a_group_called_overall_is_refused_before_the_simulation(card, tmp_path):
    options = copy.deepcopy(card.options)
    options["population"]["ages"][0]["name"] = "overall"
    wrong = card.model_copy(update={"options": options})
    with pytest.raises(CtrbenchError, match="oncold-sim: cohort 'age_group': a group is called 'overall'"):
        prepare(Request(card=wrong, files={}, checksums={}, folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("split", "message"),
    [({"rule": "leave-last-out"}, "use calendar"), ({"validation_days": 80}, "no day of 90")],
)
def test_a_split_that_does_not_fit_is_refused(card, split, message):
    wrong = card.model_copy(update={"split": card.split.model_copy(update=split)})
    with pytest.raises(CtrbenchError, match=message):
        make_plan(wrong, Simulation())


@pytest.mark.parametrize("seed", [0, 1], ids=["training clicks only", "no click at all"])
def test_a_scale_too_small_to_train_and_test_is_refused(card, tmp_path, seed):
    population = card.options["population"] | {"impressions_per_user": 1.01}
    tiny = card.model_copy(update={"options": card.options | {"population": population}})
    request = Request(card=tiny, files={}, checksums={}, folder=tmp_path, simulation=Simulation(scale=2e-6, seed=seed))
    with pytest.raises(CtrbenchError, match="larger --scale"):
        prepare(request)


def test_a_scale_too_small_to_validate_is_refused(card, simulate, tmp_path):
    # One user, with training clicks and test rows but nothing on the validation days.
    tiny = make_plan(card, Simulation(scale=1e-6, seed=1))
    assert set(make_block(tiny, 0).rows["split"].tolist()) == {Split.TRAIN, Split.TEST}
    with pytest.raises(
        CtrbenchError, match=r"no click, or nothing but clicks, in the rows of .*validation.*larger --scale"
    ):
        simulate(tmp_path, scale=1e-6, seed=1)


def test_a_horizon_is_refused(card):
    late = card.model_copy(update={"split": card.split.model_copy(update={"horizon_days": 3})})
    with pytest.raises(CtrbenchError, match=r"oncold-sim: split\.horizon_days and \[conversion\] do not fit"):
        make_plan(late, Simulation())
