"""Calibration: mean prediction over mean label; above 1 the model predicts too many clicks."""


def calibration(predicted: float, positives: int) -> float | None:
    """``predicted`` is the sum of the probabilities of the rows that hold ``positives``; None without positives."""
    return predicted / positives if positives else None
