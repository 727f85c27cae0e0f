"""What is to be found out with a widget, and whether it was: a line that ticks itself (lessons 04, 06)."""

from collections.abc import Callable, Iterable

from ..errors import BadInput, shown


class Task:
    """Something to find with a widget: a sentence, and a function that sees whether it is found (lessons 04, 06).

    Args:
        text: what is to be found, in a sentence or two.
        done: called with what the widget shows, and answers whether that solves the task. The freezing lab hands over
            its ``scores``: ``done=lambda scores: (scores["seeds"] >= 3).any()``.

    Attributes:
        solved: True once ``done`` has said so, from then on.
        trouble: where ``done`` raised an error, that error in one line; else empty.

    Raises:
        BadInput: the text is empty, or ``done`` cannot be called.
    """

    def __init__(self, text: str, done: Callable[..., object]):
        if not isinstance(text, str) or not text.strip():
            raise BadInput(f"A task needs a sentence that says what is to be found, not {shown(text)}.")
        if not callable(done):
            raise BadInput(f"done is a function that tells whether the task is solved, not {shown(done)}.")
        self.text, self.done = text.strip(), done
        self.solved, self.trouble = False, ""

    def look(self, what) -> bool:
        """Ask whether ``what`` solves the task. It stays solved; an error in ``done`` is kept, never raised."""
        if not self.solved:
            try:
                self.solved, self.trouble = bool(self.done(what)), ""
            except Exception as error:  # whatever a teacher's function may raise: a widget goes on without it
                self.trouble = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return self.solved

    def as_message(self) -> dict:
        """Plain values for a front end."""
        return {"text": self.text, "solved": self.solved, "trouble": self.trouble}

    def __repr__(self) -> str:
        trouble = f" (cannot be told: {self.trouble})" if self.trouble else ""
        return f"{'✓' if self.solved else '○'} {self.text}{trouble}"


def check_tasks(tasks: Iterable[Task]) -> list[Task]:
    """These tasks as a list, or `BadInput`."""
    found = list(tasks) if isinstance(tasks, list | tuple) else [tasks]
    if wrong := [task for task in found if not isinstance(task, Task)]:
        raise BadInput(f"tasks is a list of usft.Task, which {shown(wrong[0])} is not.")
    return found
