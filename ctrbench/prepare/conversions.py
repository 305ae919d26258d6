"""Conversions of data in which every interaction is a click: the same user clicks the item again.

Source: our reading of a shop's funnel, as the public data have no second label: *click* = the item is bought,
*conversion* = the same user buys it again within some days (dataset cards ``ta-feng-funnel``,
``complete-journey-funnel``).

Shape: R interactions, in any order.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctrbench.prepare.split import DAY


def repeated(
    user: NDArray[np.integer], item: NDArray[np.integer], time: NDArray[np.float64], days: int
) -> NDArray[np.int8]:
    """1 (R,) where the same user has the same item on a later day (UTC), at most ``days`` days later, else 0.

    Args:
        user: (R,).
        item: (R,).
        time: (R,) seconds since 1970.
        days: the longest distance.
    """
    day = (time // DAY).astype(np.int64)
    clicks = pd.DataFrame({"user": user, "item": item, "day": day})
    once_a_day = clicks.drop_duplicates().sort_values(["user", "item", "day"])
    once_a_day["next_day"] = once_a_day.groupby(["user", "item"])["day"].shift(-1)
    next_day = clicks.merge(once_a_day, how="left", on=["user", "item", "day"])["next_day"].to_numpy(np.float64)
    return (next_day - day <= days).astype(np.int8)
