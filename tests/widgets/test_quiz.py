"""The quiz: what is asked, what a click says, and what is left where no kernel runs."""

import builtins
import os
from pathlib import Path

import browser
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


@pytest.mark.slow
def test_a_student_clicks_an_answer_in_jupyterlab_and_does_not_see_the_code(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="no nbformat: python -m pip install -r requirements.txt")
    pytest.importorskip("ipywidgets", reason="no ipywidgets here: python -m pip install ipywidgets")
    if os.environ.get("USFT_WHEEL_ONLY"):
        pytest.skip("USFT_WHEEL_ONLY is set: there are no notebooks beside the wheel (2026-11-25)")
    lesson = nbformat.read(Path(usft.__file__).parents[1] / "notebooks" / "02_unet.ipynb", as_version=4)
    asked = next(cell for cell in lesson.cells if "usft.Quiz(" in cell.source)
    right = asked.source.split("- [x] ")[1].splitlines()[0]
    lesson.cells = [nbformat.v4.new_code_cell("import usft_lib as usft"), asked]
    nbformat.write(lesson, tmp_path / "lesson.ipynb")
    with (
        browser.jupyterlab(tmp_path, OMP_NUM_THREADS="1") as address,
        browser.chromium(viewport={"width": 1000, "height": 800}) as page,
        browser.kept_on_failure(page, "quiz"),
    ):
        browser.open_notebook(page, address, "lesson.ipynb")
        browser.run_and_wait(page, 0)
        letters = page.locator(".jp-OutputArea button")
        page.locator(".jp-Notebook .jp-Cell").first.click()
        page.keyboard.press("Escape")
        page.keyboard.press("Shift+Enter")  # as a student steps through: this cell, then the folded one
        page.keyboard.press("Shift+Enter")
        letters.nth(1).wait_for(timeout=60_000)
        assert not page.get_by_text("- [x]").is_visible(), "the answers stand in the code, which is folded"
        said = page.locator(".jp-OutputArea")
        for k in range(letters.count()):
            letters.nth(k).click()
            is_right = right in page.locator(".widget-hbox, .jupyter-widgets.widget-hbox").nth(k).inner_text()
            said.get_by_text("✓ Right." if is_right else "✗ Not quite.").wait_for(timeout=10_000)
        if folder := os.environ.get("USFT_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/quiz.png")
        assert browser.serious_faults(page, ".jp-OutputArea-output") == []
        assert page.errors == []
