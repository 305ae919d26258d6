"""Normalized entropy (NE): logloss over the entropy of the rows' own base rate; 1 is a constant prediction.

Source: He et al., Practical Lessons from Predicting Clicks on Ads at Facebook, ADKDD 2014, eq. 1.
"""

import math


def base_rate_entropy(positives: int, rows: int) -> float:
    """Entropy in nats of the base rate ``positives / rows``; 0 where only one class, or no row, is present."""
    if positives in (0, rows):
        return 0.0
    rate = positives / rows
    return -rate * math.log(rate) - (1 - rate) * math.log1p(-rate)


def normalized_entropy(logloss: float | None, positives: int, rows: int) -> float | None:
    """NE of rows with a given logloss (nats); None where the entropy of their base rate is 0."""
    entropy = base_rate_entropy(positives, rows)
    return None if logloss is None or entropy == 0 else logloss / entropy
