"""What models of a funnel ask of a run: each task happens only where the one before it did, on any row."""

from ctrbench.data.settings import DataSettings


def refusal(data: DataSettings) -> str | None:
    """Why a run's section ``[data]`` is no funnel over all rows; None if it may be one."""
    if data.given:
        task, label = next(iter(data.given.items()))
        return (
            f"it predicts {task} over all rows, not only those with {label} = 1: leave out data.given.{task}, and "
            f'measure the rate after a {label} by data.conditional.NAME = ["{task}", "{label}"]'
        )
    return None
