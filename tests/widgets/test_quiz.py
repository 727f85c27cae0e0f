"""The quiz: what is asked, what a click says, and what is left where no kernel runs."""

import builtins

import pytest

import usft_lib as usft
from usft_lib.widgets.quiz import WIDGET

TEXT = """
    How many groups has a *U-Net* of depth 4? Count `head`, and 1 < 2.

    - [ ] Nine.
      The head is **one more**
      group.
    - [x] Ten.
      Four, one, four, and the head.
    """


def test_a_question_is_read_and_folds_open_without_a_kernel():
    quiz = usft.Quiz(TEXT)
    assert [(o.text, o.right) for o in quiz.options] == [("Nine.", False), ("Ten.", True)]
    assert quiz.options[0].why == "The head is **one more** group."
    assert "<em>U-Net</em>" in quiz.html and "1 &lt; 2" in quiz.html and quiz.html.count("<details>") == 2
    assert quiz.html.index("Nine") < quiz.html.index("✗ Not quite. The head is <strong>one more</strong>")
    assert "✓" not in repr(quiz) and "one more" not in repr(quiz), "the answer is not given away"


def test_a_click_says_why():
    pytest.importorskip("ipywidgets", reason="no ipywidgets here: python -m pip install ipywidgets")
    question, nine, ten, reason = usft.Quiz(TEXT).panel().children
    assert "How many groups" in question.value and not reason.value
    nine.children[0].click()
    assert reason.value.startswith("<b>A</b> ✗ Not quite.")
    ten.children[0].click()
    assert reason.value == "<b>B</b> ✓ Right. Four, one, four, and the head."
    assert set(usft.Quiz(TEXT)._repr_mimebundle_()) == {"text/plain", "text/html", WIDGET}


@pytest.mark.parametrize("gone", ["ipywidgets", "markdown_it"])
def test_it_reads_without_widgets_and_without_markdown(monkeypatch, gone):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.partition(".")[0] == gone:
            raise ImportError(gone)
        return real(name, *rest, **more)

    from usft_lib.widgets import quiz

    quiz._markdown.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    shown = usft.Quiz(TEXT)._repr_mimebundle_()
    assert "Nine" in shown["text/html"] and (WIDGET in shown) == (gone != "ipywidgets")
    assert "1 &lt; 2" in shown["text/html"]
    quiz._markdown.cache_clear()


@pytest.mark.parametrize(
    "text, says",
    [
        ("Why?", "two answers or more"),
        ("Why?\n- [x] So.\n  Because.", "two answers or more"),
        ("Why?\n- [ ] So.\n  No.\n- [ ] Not so.\n  No.", "one that is right"),
        ("Why?\n- [x] So.\n  Yes.\n- [x] Not so.\n  Yes.", "one that is right"),
        ("Why?\n- [x] So.\n  Yes.\n- [ ] Not so.", "Say below the answer 'Not so.'"),
    ],
)
def test_a_question_that_is_not_whole_is_one_line(text, says):
    with pytest.raises(usft.BadInput, match=says) as error:
        usft.Quiz(text)
    assert "\n" not in str(error.value)
