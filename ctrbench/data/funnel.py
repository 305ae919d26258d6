"""What a funnel asks of a run: each task happens only where the one before it did, on any row."""

from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings


def refusal(data: DataSettings, manifest: Manifest | None) -> str | None:
    """Why the tasks of a run's section ``[data]`` are no funnel over all rows; None if they may be one."""
    if data.given:
        task, label = next(iter(data.given.items()))
        return (
            f"it predicts {task} over all rows, not only those with {label} = 1: leave out data.given.{task}, and "
            f'measure the rate after a {label} by data.conditional.NAME = ["{task}", "{label}"]'
        )
    return wrong_order(data, manifest)


def wrong_order(data: DataSettings, manifest: Manifest | None) -> str | None:
    """Why the tasks are not in the order in which the dataset's labels happen; None if they are."""
    order = [label for label in manifest.labels if label in data.tasks] if manifest else list(data.tasks)
    if order != list(data.tasks):
        return f"it needs the tasks in the order in which they happen: data.tasks = {order}".replace("'", '"')
    return None
