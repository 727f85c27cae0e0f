"""Checking answers: any form of a right one passes, a wrong one fails by name with its hint."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput, Todo, WrongAnswer, check, check_range

CASES = {
    "two and three": ((2.0, 3.0), 5.0, "add them"),
    "an array": ((torch.tensor([1.0, 2.0]), 1.0), [2.0, 3.0], "element by element"),
    "a property": ((4.0, 5.0), lambda r: float(r) > 8, "large numbers give large sums"),
}


@pytest.fixture(autouse=True)
def own_folder(cache, monkeypatch):
    """Progress goes to a folder of the test's own."""
    monkeypatch.delenv("USFT_PROGRESS", raising=False)


@pytest.mark.parametrize(
    "answer",
    [
        lambda a, b: a + b,
        lambda a, b: np.asarray(a) + b,
        lambda a, b: torch.as_tensor(a, dtype=torch.float64) + b,
        lambda a, b: torch.as_tensor(a).reshape(-1).add(b).bfloat16() if np.ndim(a) else np.float16(a + b),
    ],
)
def test_every_form_of_a_right_answer_passes(answer, capsys):
    check(answer, CASES, exercise="01.1")
    assert capsys.readouterr().out == "✓ 3 of 3 cases pass: exercise 01.1 is done.\n"
    assert usft.guesses() == {"01.1": "done"}


@pytest.mark.parametrize(
    "answer, said",
    [
        (lambda a, b: a * b, "two and three: got 6.0, not 5.0. Hint: add them"),
        (lambda a, b: 5.0, "an array: got 5.0, not .2.0, 3.0.. Hint: element by element"),
        (lambda a, b: a + b - (b > 4) * 2, "a property: got 7.0. Hint: large numbers"),
        (lambda a: a, "two and three: your answer stopped with TypeError"),
        (lambda a, b: None, "two and three"),
        (lambda a, b: [a, b], "two and three: got .2.0, 3.0., not 5.0"),
    ],
)
def test_a_wrong_answer_fails_by_name_with_its_hint(answer, said):
    with pytest.raises(WrongAnswer, match=said) as caught:
        check(answer, CASES, exercise="01.1")
    assert "\n" not in str(caught.value) and "Hint: " in str(caught.value) and usft.guesses() == {}


def test_values_and_texts_can_be_checked_too():
    check([1, 2], {"the list": ((), [1, 2], "count")})
    check("enc1", {"the group": ((), "enc1", "the first")})
    with pytest.raises(WrongAnswer, match="got dec1, not enc1"):
        check("dec1", {"the group": ((), "enc1", "the first")})


def test_an_answer_cannot_spoil_the_cases():
    def greedy(a, b):
        if isinstance(a, torch.Tensor):
            a += 1
            return a + b - 1
        return a + b

    check(greedy, CASES)
    check(greedy, CASES)


def test_todo_passes_through_and_both_show_as_one_line():
    def unwritten(a, b):
        raise Todo("add a and b")

    with pytest.raises(Todo) as caught:
        check(unwritten, CASES)
    assert caught.value._render_traceback_() == ["✎ Your turn: add a and b"]
    assert WrongAnswer("✗ x")._render_traceback_() == ["✗ x"]


@pytest.mark.slow
def test_ipython_shows_one_line():
    pytest.importorskip("IPython")
    code = "from IPython.core.interactiveshell import InteractiveShell as S; s = S.instance(); " + (
        "s.run_cell('import usft_lib as usft'); s.run_cell('raise usft.Todo(\"write it\")')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "✎ Your turn: write it" in done.stdout and "Traceback" not in done.stdout + done.stderr


def test_an_answer_that_returns_nothing_is_told_so():
    with pytest.raises(WrongAnswer, match="two and three: got None, not 5.0. Hint: add them"):
        check(lambda a, b: None, CASES)


def test_ranges_print_their_verdict_not_the_value(capsys):
    check_range(torch.tensor(0.87), 0.8, 0.95, "Dice")
    assert capsys.readouterr().out == "✓ Dice lies in 0.8…0.95\n"
    for wrong in (0.5, float("nan")):
        with pytest.raises(WrongAnswer, match="Dice is .*, outside 0.8…0.95"):
            check_range(wrong, 0.8, 0.95, "Dice")


def test_predictions_come_back_from_the_line_that_was_kept(capsys, tmp_path, monkeypatch):
    usft.guess("00.1", 0.8)
    usft.guess("00.2", "contracting")
    check(lambda a, b: a + b, CASES, exercise="01.1")
    capsys.readouterr()
    usft.progress(save=tmp_path / "anna.json")
    line, saved = capsys.readouterr().out.split("To hand in: ")
    assert "Exercises solved: 1." in line and "besides" not in line
    assert re.search(r"^01 Images and masks +✓ 01.1 +· 01.2", line, re.M)
    assert json.loads(Path(saved.strip()).read_text()) == {"usft": 1, **usft.guesses()}
    with pytest.raises(BadInput, match="cannot be written"):
        usft.progress(save=tmp_path / "no folder" / "anna.json")
    kept = line.split("To keep: ")[1].strip()
    monkeypatch.setenv("USFT_DATA", str(tmp_path / "another machine"))
    assert usft.guesses() == {}
    usft.progress(kept)
    assert usft.guesses() == {"00.1": 0.8, "00.2": "contracting", "01.1": "done"}
    for broken in (kept[:-1], kept.replace("0.8", "0.9"), "hello"):
        with pytest.raises(BadInput, match="copy all of it"):
            usft.progress(broken)


@pytest.mark.parametrize(
    "value, kept", [(np.float32(0.5), 0.5), (torch.tensor(0.5), 0.5), ([np.int64(1), "a"], [1, "a"])]
)
def test_a_guess_may_be_a_number_of_any_kind(value, kept):
    usft.guess("00.1", value)
    assert usft.guesses() == {"00.1": kept}


@pytest.mark.parametrize("value", [object(), len, {"a"}, torch.ones(3), [torch.ones(3)]])
def test_a_guess_that_cannot_be_kept_is_one_line(value):
    with pytest.raises(usft.BadInput, match="A guess is a number, a text or a list of them, not ") as caught:
        usft.guess("00.1", value)
    assert "\n" not in str(caught.value) and usft.guesses() == {}


def test_a_guess_must_be_given_and_a_full_disk_does_not_stop_a_lesson(monkeypatch, capsys):
    with pytest.raises(BadInput, match="Replace the dots"):
        usft.guess("00.1", ...)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    usft.guess("00.1", 0.8)
    assert "Noted: 00.1 = 0.8" in capsys.readouterr().out


@pytest.mark.parametrize("answer, expected", [(105.0, 100.0), (0.5002, 0.5), (torch.tensor([1.0, 1.001]), [1.0, 1.0])])
def test_a_tolerance_is_a_difference_and_no_share(answer, expected):
    with pytest.raises(usft.WrongAnswer):
        usft.check(answer, {"value": ((), expected, "look again")})


def test_numbers_in_another_shape_are_refused_as_wrong_and_not_as_an_error():
    with pytest.raises(usft.WrongAnswer, match="got") as caught:
        usft.check(torch.ones(3, 1), {"value": ((), torch.ones(3), "one number an image")})
    assert "stopped with" not in str(caught.value)
    usft.check(torch.ones(1), {"value": ((), 1.0, "one number")})


@pytest.mark.parametrize("value, fine", [(0, True), (1, True), (-0.001, False), (1.001, False), (float("nan"), False)])
def test_a_range_has_two_ends(value, fine, capsys):
    if fine:
        usft.check_range(value, 0, 1, "dice")
        assert "lies in 0…1" in capsys.readouterr().out
    else:
        with pytest.raises(usft.WrongAnswer, match="dice"):
            usft.check_range(value, 0, 1, "dice")


def test_a_row_is_no_column():
    with pytest.raises(usft.WrongAnswer):
        usft.check(torch.ones(1, 4), {"shape": ((), torch.ones(4, 1), "one row an image")})
