"""Episodes of a handful of impressions."""

import numpy as np
import torch

from ctrbench.data.episodes import END, SECONDS_PER_DAY, successors
from ctrbench.data.prepared import Prepared

HOUR = 3600


def test_the_next_impression_is_the_same_users_on_the_same_day():
    day = 10 * SECONDS_PER_DAY
    #         user, time
    rows = [
        (7, day + 3 * HOUR),
        (3, day + 1 * HOUR),
        (7, day + 1 * HOUR),  # before the first row
        (7, day + 25 * HOUR),  # the next day
        (3, day + 24 * HOUR - 1),  # the last second of the day
        (3, day + 24 * HOUR),
    ]
    users, times = (torch.tensor(column) for column in zip(*rows, strict=True))
    assert successors(users, times).tolist() == [END, 4, 0, END, END, END]


def test_impressions_of_one_second_keep_their_order():
    assert successors(torch.zeros(4, dtype=torch.int32), torch.full((4,), 5)).tolist() == [1, 2, 3, END]


def test_no_or_one_impression():
    assert successors(torch.zeros(0), torch.zeros(0)).tolist() == []
    assert successors(torch.zeros(1), torch.zeros(1)).tolist() == [END]


def test_times_are_those_of_the_file(data_folder):
    prepared = Prepared.read(data_folder / "orders")
    rows = torch.tensor([5, 0, 1999])
    times = prepared.times(rows).numpy()
    assert (np.diff(times) % HOUR == 0).all()
    assert len(np.unique(times)) == 3
