"""Tasks of a run: names, labels, probabilities, and the rows on which they are defined."""

import subprocess
import sys

import numpy as np
import pytest

from ctrbench.data.settings import DataSettings
from ctrbench.data.tasks import Tasks
from ctrbench.errors import CtrbenchError

LABELS = ("click", "conversion", "return")


def tasks(**settings):
    return Tasks.of(DataSettings(**settings), LABELS, "shop")


def test_a_run_without_a_word_on_tasks_has_the_click_alone():
    one = tasks()
    assert (one.trained, one.names, one.main) == (("click",), ("click",), "click")
    assert one.columns == ("click",)


def test_derived_tasks_multiply_labels_and_probabilities():
    both = tasks(tasks=("click", "conversion"), derived={"ctcvr": ("click", "conversion")})
    assert both.names == ("click", "conversion", "ctcvr")
    columns = {"click": np.array([1, 1, 0, 0]), "conversion": np.array([1, 0, 1, 0])}
    labels = both.labels(columns)
    assert labels["ctcvr"].tolist() == [True, False, False, False]
    assert [labels[name].dtype for name in both.names] == [np.bool_] * 3
    predicted = np.array([[0.5, 0.25], [1.0, 0.1]])
    found = both.probabilities(predicted)
    assert found["ctcvr"].tolist() == [0.125, 0.1]
    assert found["conversion"].tolist() == [0.25, 0.1]


def test_a_condition_restricts_its_task_alone():
    derived = {"both": ("click", "conversion")}
    both = tasks(tasks=("conversion", "click"), given={"conversion": "return"}, derived=derived)
    assert both.main == "conversion"
    assert both.columns == ("conversion", "click", "return")
    observed = both.observed({"return": np.array([1, 0, 1])})
    assert observed["conversion"].tolist() == [True, False, True]
    assert observed["click"] is observed["both"] is None


def test_a_conditional_task_divides_probabilities_on_the_rows_of_its_condition():
    both = tasks(tasks=("click", "conversion"), conditional={"cvr": ("conversion", "click")})
    assert both.names == ("click", "conversion", "cvr")
    assert both.definition("cvr") == "conversion given click"
    columns = {"click": np.array([1, 1, 0]), "conversion": np.array([1, 0, 0])}
    assert both.labels(columns)["cvr"].tolist() == [True, False, False]
    assert both.observed(columns)["cvr"].tolist() == [True, True, False]
    assert both.observed(columns)["conversion"] is None
    found = both.probabilities(np.array([[0.5, 0.25], [0.1, 0.2], [0.0, 0.0]]))
    assert found["cvr"].tolist() == [0.5, 1.0, 0.0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"conditional": {"cvr": ("conversion", "click")}}, "data.conditional: 'cvr': unknown task 'conversion'"),
        (
            {
                "tasks": ("click", "conversion"),
                "given": {"conversion": "click"},
                "conditional": {"cvr": ("conversion", "click")},
            },
            "data.conditional.cvr needs conversion over all rows; leave out data.given.conversion",
        ),
        (
            {
                "tasks": ("click", "conversion"),
                "derived": {"x": ("conversion", "click")},
                "conditional": {"x": ("conversion", "click")},
            },
            "'x' stands in data.derived and data.conditional; rename one",
        ),
        ({"tasks": ("clik",)}, "shop: unknown label 'clik'; did you mean click?"),
        ({"tasks": ("click", "click")}, "shop: data.tasks names a label twice (click, click); name each once"),
        ({"given": {"click": "convert"}}, "shop: unknown label 'convert'; did you mean conversion?"),
        ({"given": {"conversion": "click"}}, "shop: data.given: unknown task 'conversion'; known: click"),
        ({"given": {"click": "click"}}, "shop: data.given: 'click' is conditional on itself; name another label"),
        (
            {"derived": {"return": ("click", "click")}},
            "'return' is a label of the dataset; give the task another name",
        ),
        ({"derived": {"a.b": ("click", "click")}}, "'a.b' is not a valid task name; use letters, digits, - and _"),
        ({"derived": {"../x": ("click", "click")}}, "'../x' is not a valid task name"),
        ({"derived": {"x": ("click",)}}, "'x' needs two or more tasks, each once (got click)"),
        ({"derived": {"x": ("click", "conversion")}}, "data.derived: 'x': unknown task 'conversion'; known: click"),
    ],
)
def test_what_makes_no_sense_is_named(settings, message):
    with pytest.raises(CtrbenchError) as error:
        tasks(**settings)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_at_least_one_task_is_trained():
    with pytest.raises(CtrbenchError, match="data: tasks: tuple should have at least 1 item"):
        DataSettings.read({"tasks": []}, "data")


def test_tasks_are_known_without_torch():
    code = "import sys, ctrbench.data.tasks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
