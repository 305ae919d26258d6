"""Refuses to train a task that has rows of one class only: nothing could be learnt, or no epoch preferred."""

from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError


def require_both_classes(feed: Feed) -> None:
    """Looks for positives and negatives of every task, in the rows that train it and in those that stop training.

    Raises:
        CtrbenchError: a task has rows of one class, or no rows.
    """
    parts = {
        "training": (feed.training, feed.tasks.trained),
        feed.judged_on: (feed.split(Split.VALIDATION), feed.tasks.names),
    }
    for part, (examples, tasks) in parts.items():
        targets = feed.targets(examples)
        for task in tasks:
            labels, given = targets.of(task), feed.tasks.condition(task)
            # A sampled negative is a negative of every task that is trained on all rows.
            negatives_join = part == "training" and feed.sampled and given is None
            if labels.any() and (negatives_join or not labels.all()):
                continue
            rows = f"{part} rows" + (f" with {given} = 1" if given else "")
            what = f"all {len(labels):,} {rows} have {task} = {int(labels[0])}" if len(labels) else f"it has no {rows}"
            raise CtrbenchError(
                f"{feed.prepared.manifest.name}: task {task!r}: {what}, and both classes are needed; "
                "train another label (data.tasks) or split the data otherwise"
            )
