"""A question with a few answers to click, each with its reason; nothing is counted or kept (all lessons).

The text is written once, as a list of Markdown's tick boxes, and shown twice: as buttons where a kernel runs, and as
answers that fold open where none does, on a page or in a printed notebook.
"""

import re
from functools import cache
from html import escape
from textwrap import dedent
from typing import NamedTuple

from ..errors import BadInput

WIDGET = "application/vnd.jupyter.widget-view+json"
OPTION = re.compile(r"^- \[(?P<mark>[ x])\] ", re.M)


class Option(NamedTuple):
    """One answer: what it says, whether it is right, and why."""

    text: str
    right: bool
    why: str


class Quiz:
    """A question of a lesson's quiz.

    Args:
        text: the question, then two answers or more, each on a line of its own that begins with ``- [ ]``, or with
            ``- [x]`` if it is the right one. Why it is right or wrong is written below it, indented. Markdown all over.

    Raises:
        BadInput: not exactly one answer is right, there is only one, or one has no reason.
    """

    def __init__(self, text: str):
        question, *parts = OPTION.split("\n".join(line.rstrip() for line in dedent(text).strip().splitlines()))
        self.question = question.strip()
        self.options = [_option(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
        if len(self.options) < 2 or sum(option.right for option in self.options) != 1:
            raise BadInput("A quiz question has two answers or more, '- [ ] …', and one that is right, '- [x] …'.")
        for option in self.options:
            if not (option.text and option.why):
                raise BadInput(f"Say below the answer {option.text!r}, indented, why it is right or wrong.")

    @property
    def html(self) -> str:
        """The question without a kernel: each answer folds open."""
        answers = (
            f"<details><summary>{_rendered(option.text)}</summary><div>{_verdict(option)}</div></details>"
            for option in self.options
        )
        return f"<div>{_rendered(self.question, whole=True)}{''.join(answers)}</div>"

    def panel(self):
        """The question in plain ipywidgets: a button for each answer, its reason when it is clicked."""
        import ipywidgets

        reason = ipywidgets.HTML()
        rows = []
        for letter, option in zip("ABCDEF", self.options, strict=False):
            button = ipywidgets.Button(description=letter, tooltip=f"answer {letter}", layout={"width": "3em"})
            button.on_click(lambda _, o=option, k=letter: setattr(reason, "value", f"<b>{k}</b> {_verdict(o)}"))
            rows.append(ipywidgets.HBox([button, ipywidgets.HTML(_rendered(option.text))]))
        return ipywidgets.VBox([ipywidgets.HTML(_rendered(self.question, whole=True)), *rows, reason])

    def __repr__(self) -> str:
        marks = (f"  {letter}  {option.text}" for letter, option in zip("ABCDEF", self.options, strict=False))
        return "\n".join([self.question, *marks])

    def _repr_mimebundle_(self, **kwargs) -> dict:
        shown = {"text/plain": repr(self), "text/html": self.html}
        try:
            model = self.panel().model_id
        except ImportError:  # no ipywidgets here: the answers fold open
            return shown
        return {**shown, WIDGET: {"version_major": 2, "version_minor": 0, "model_id": model}}


def _option(mark: str, body: str) -> Option:
    text, _, why = body.strip().partition("\n")
    return Option(text.strip(), mark == "x", " ".join(why.split()))


def _verdict(option: Option) -> str:
    return f"{'✓ Right.' if option.right else '✗ Not quite.'} {_rendered(option.why)}"


@cache
def _markdown():
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False})


def _rendered(text: str, whole: bool = False) -> str:
    """Markdown as HTML, of one line or of whole paragraphs."""
    try:
        return _markdown().render(text) if whole else _markdown().renderInline(text)
    except ImportError:
        return escape(text)
