"""Refuses to train where a task has rows of one class only: nothing could be learnt, or no epoch told from another."""

from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError


def require_both_classes(feed: Feed) -> None:
    """Looks for positives and negatives of every task among the rows that train it and those that stop training.

    Raises:
        CtrbenchError: a task has rows of one class, or none.
    """
    of_training = feed.targets(feed.training)
    for task in feed.tasks.trained:
        # A sampled negative is a negative of every task that is trained on all rows.
        joined = feed.sampled and task not in feed.tasks.given
        _require(feed, task, "training", int(of_training.of(task).sum()), 1 if joined else 0, len(of_training.of(task)))
    judged = feed.targets(feed.split(Split.VALIDATION))
    for task in feed.tasks.names:
        _require(feed, task, feed.judged_on, int(judged.of(task).sum()), 0, len(judged.of(task)))


def _require(feed: Feed, task: str, part: str, positives: int, negatives_joined: int, rows: int) -> None:
    if 0 < positives < rows + negatives_joined:
        return
    given = feed.tasks.given.get(task)
    of = f" with {given} = 1" if given else ""
    what = f"no {part} row{of}" if rows == 0 else f"all {rows:,} {part} rows{of} have {task} = {int(positives > 0)}"
    raise CtrbenchError(
        f"{feed.prepared.manifest.name}: task {task!r}: {what}; a task needs rows of both classes: "
        "train another label (data.tasks) or split the data otherwise"
    )
