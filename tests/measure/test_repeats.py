"""How often a row's user clicked its item before: nothing of the same time or later counts."""

from dataclasses import replace

import torch

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.data.settings import DataSettings
from ctrbench.data.tasks import Tasks
from ctrbench.measure.references import reference_rows
from ctrbench.measure.repeats import earlier_clicks
from ctrbench.prepare.stage import prepare
from ctrbench.testing.data import card, interactions

LONG = 6 * 3600


def rows_with(prepared, **columns):
    tensors = {name: torch.tensor(values) for name, values in columns.items()}
    return replace(prepared, rows={**prepared.rows, **tensors}, sequence=torch.tensor([1, 2, 1, 3, 1, 1, 2, 1]))


def test_by_hand_an_item_is_counted_in_the_rows_own_slice(small):
    """Two users of five and three clicks; the slice ends before the row."""
    made = rows_with(small, item=[1, 1, 1, 3, 1, 2, 4], start=[0, 0, 0, 0, 5, 5, 5], length=[0, 1, 4, 3, 1, 3, 3])
    assert earlier_clicks(made, torch.arange(7)).tolist() == [0, 1, 2, 0, 1, 1, 0]
    assert earlier_clicks(made, torch.tensor([5, 2])).tolist() == [1, 2]


def baskets(folder):
    """Clicks at the beginning of their six hours, equal times kept apart; and the table that they come from."""
    table = interactions(items=24)
    table = table.assign(time=table["time"] // LONG * LONG).drop_duplicates(["user", "item", "time"])
    folder.mkdir()
    table.to_csv(folder / "baskets.csv", index=False)
    prepare(card("baskets").model_copy(update={"ties": "apart"}), folder, source=folder / "baskets.csv")
    return Prepared.read(folder / "baskets"), table


def test_the_count_is_that_of_the_raw_files_earlier_baskets(tmp_path):
    prepared, table = baskets(tmp_path / "all")
    users = {raw: place for place, raw in enumerate(dict.fromkeys(table["user"]), 1)}
    items = {raw: place for place, raw in enumerate(dict.fromkeys(table["item"]), 1)}
    log = list(zip(table["user"].map(users), table["item"].map(items), table["time"], strict=True))
    rows = prepared.indices(Split.TEST)
    columns = prepared.rows["user"][rows], prepared.rows["item"][rows], prepared.times(rows)
    asked = zip(*(column.tolist() for column in columns), strict=True)
    wanted = [sum((user, item) == (u, i) and time < now for u, i, time in log) for user, item, now in asked]
    assert max(wanted) > 1
    assert earlier_clicks(prepared, rows).tolist() == wanted


def test_what_comes_at_the_rows_time_or_later_changes_nothing(tmp_path):
    """With every click outside a row's history replaced by the row's item, the counts stay."""
    prepared, _ = baskets(tmp_path / "all")
    for row in prepared.indices(Split.TEST)[:50]:
        start, length, item = (int(prepared.rows[name][row]) for name in ("start", "length", "item"))
        other = torch.full_like(prepared.sequence, item)
        other[start : start + length] = prepared.sequence[start : start + length]
        changed = replace(prepared, sequence=other)
        assert earlier_clicks(changed, row[None]).tolist() == earlier_clicks(prepared, row[None]).tolist()


def test_a_score_that_ranks_nothing_says_so(tmp_path, small):
    """Users who click every item once have clicked no test item before."""
    interactions().drop_duplicates(["user", "item"]).to_csv(tmp_path / "once.csv", index=False)
    prepare(card("once"), tmp_path, source=tmp_path / "once.csv")
    for prepared, constant in ((small, False), (Prepared.read(tmp_path / "once"), True)):
        tasks = Tasks.of(DataSettings(), prepared.manifest.labels, "here")
        _, records = reference_rows(prepared, tasks, "click")
        assert {record.reference: record.constant for record in records} == {
            "popularity": False,
            "item_id": False,
            "clicked_before": constant,
            "random": False,
        }
