"""A task ticks itself, stays ticked, and never raises what its function raises."""

import pytest

import usft_lib as usft
from usft_lib.widgets.tasks import check_tasks


def test_a_task_ticks_once_and_stays():
    task = usft.Task(" Reach .8. ", done=lambda dice: dice > 0.8)
    assert not task.look(0.7) and repr(task) == "○ Reach .8."
    assert task.look(0.9) and task.look(0.1) and repr(task) == "✓ Reach .8."
    assert task.as_message() == {"text": "Reach .8.", "solved": True, "trouble": ""}


def test_what_the_function_raises_becomes_one_line():
    task = usft.Task("Find it.", done=lambda scores: scores["nothing\nhere"])
    assert not task.look({}) and task.trouble.startswith("KeyError") and "\n" not in task.trouble
    assert "cannot be told: KeyError" in repr(task)
    task = usft.Task("Find it.", done=lambda numbers: numbers[1] > 0)
    assert not task.look([1]) and task.trouble and task.look([1, 1]) and not task.trouble  # it recovers


@pytest.mark.parametrize("text, done", [("", bool), ("  ", bool), (None, bool), ("Find it.", 5), ("Find it.", None)])
def test_a_task_without_a_sentence_or_a_function_is_refused(text, done):
    with pytest.raises(usft.BadInput, match="task"):
        usft.Task(text, done)


def test_only_tasks_are_tasks():
    task = usft.Task("Find it.", bool)
    assert check_tasks([task]) == [task] == check_tasks(task) and check_tasks(()) == []
    with pytest.raises(usft.BadInput, match="usft.Task"):
        check_tasks([task, "another"])
