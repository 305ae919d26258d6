import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.tuning.objective import Objective
from tests.fakes.prepared import manifest
from tests.fakes.records import config, record

TWO = manifest(labels=("click", "conversion"))
SETTINGS = {"data": {"tasks": ["click", "conversion"], "derived": {"ctcvr": ["click", "conversion"]}}}


@pytest.mark.parametrize(
    ("text", "task", "metric", "maximize"),
    [
        ("logloss", "click", "logloss", False),
        ("auc", "click", "auc", True),
        ("conversion.auc", "conversion", "auc", True),
        ("ctcvr.logloss", "ctcvr", "logloss", False),
        ("mean.auc", "click conversion", "auc", True),
    ],
)
def test_a_metric_of_the_main_task_or_of_a_named_one(text, task, metric, maximize):
    objective = Objective.of(text, config(settings=SETTINGS), TWO)
    assert (objective.tasks, objective.metric, objective.maximize) == (tuple(task.split()), metric, maximize)
    assert (objective.goodness(0.7) > objective.goodness(0.6)) == maximize


def test_it_is_read_from_records():
    job = config(settings=SETTINGS)
    assert Objective.of("conversion.auc", job, TWO).of_record(record(job, TWO, auc=0.7)) == 0.7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conversoin.auc", "unknown task of search.objective 'conversoin'; did you mean conversion?"),
        ("conversion", "unknown metric of search.objective 'conversion'"),
        ("click.aucc", "unknown metric of search.objective 'aucc'; did you mean auc?"),
        ("expected_ne", "search.objective expected_ne: needs true probabilities, which no search may see"),
        ("real_auc", "search.objective real_auc: needs true probabilities, which no search may see"),
        ("calibration", "search.objective calibration: best at 1, neither highest nor lowest; name another metric"),
    ],
)
def test_what_cannot_be_optimised_is_refused(text, message):
    with pytest.raises(CtrbenchError) as error:
        Objective.of(text, config(settings=SETTINGS), TWO)
    assert str(error.value).startswith(message)
