"""Checking answers: any form of a right one passes, a wrong one fails by name with its hint."""

import json
import random
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput, Todo, WrongAnswer, check
from usft_lib.exercises import answers, checks, progress
from usft_lib.sources import cache as room

CASES = {
    "two and three": ((2.0, 3.0), 5.0, "add them"),
    "an array": ((torch.tensor([1.0, 2.0]), 1.0), [2.0, 3.0], "element by element"),
    "a property": ((4.0, 5.0), lambda r: float(r) > 8, "large numbers give large sums"),
}


@pytest.fixture(autouse=True)
def own_notes(cache, monkeypatch):
    """Progress goes to a file of the test's own; what another test could not write is not in memory."""
    monkeypatch.setattr(room, "_unkept", {})
    monkeypatch.setattr(checks, "tried", set())
    monkeypatch.setattr(answers, "tried", checks.tried)


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
        (lambda a, b: None, "two and three: got None, not 5.0. Hint: add them"),
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


def test_a_value_that_is_not_set_is_your_turn_and_a_misspelt_name_in_a_function_is_wrong():
    with pytest.raises(Todo, match="set `best` in the cell above"):
        check(lambda: (str(best), 3), {"any": ((), lambda r: True, "look.")})  # noqa: F821 (this is the case)
    with pytest.raises(Todo, match="set `best` in the cell above"):
        check(lambda: {k: best for k in range(2)}, {"any": ((), lambda r: True, "look.")})  # noqa: F821

    def misspelt(a, b):
        return a + c  # noqa: F821

    for answer in (misspelt, lambda a, b: misspelt(a, b)):
        with pytest.raises(WrongAnswer, match="NameError: name 'c' is not defined"):
            check(answer, CASES)


def test_an_array_where_a_number_was_asked_for_is_wrong_with_the_hint():
    cases = {"the mean": ((), lambda r: abs(r) < 0.06, "take the mean.")}
    with pytest.raises(WrongAnswer, match="the mean: your answer stopped with .*Hint: take the mean"):
        check(lambda: np.zeros(40), cases)


@pytest.mark.slow
def test_ipython_shows_one_line_and_for_what_is_refused_where():
    pytest.importorskip("IPython")
    code = "from IPython.core.interactiveshell import InteractiveShell as S; s = S.instance(); " + (
        "s.run_cell('import usft_lib as usft'); s.run_cell('raise usft.Todo(\"write it\")');"
        "s.run_cell('net = usft.UNet()\\nusft.train_only(net, [\"enc9\"])')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stdout + done.stderr
    first, second = done.stdout.strip().splitlines()
    assert first == "✎ Your turn: write it"
    assert second.startswith("BadInput: ") and "enc9" in second
    assert second.endswith('(line 2: usft.train_only(net, ["enc9"]))')


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
    another_machine(monkeypatch, tmp_path)
    usft.progress(kept)
    assert usft.guesses() == {"00.1": 0.8, "00.2": "contracting", "01.1": "done"}


def another_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("USFT_PROGRESS", str(tmp_path / "another machine" / "progress.json"))
    monkeypatch.setattr(room, "_unkept", {})
    assert usft.guesses() == {}


def line_to_keep(capsys) -> str:
    capsys.readouterr()
    usft.progress()
    return capsys.readouterr().out.split("To keep: ")[1].strip()


LINE = "usft1:eNqrVjIw0EtUsjLQM9VRMjTRM1SyUkrJz0tVqgUATrMGUQ"  # a class's notes hold such lines: they must stay good
HELD = {"00.a": 0.5, "14.1": "done"}


@pytest.mark.parametrize(
    "pasted",
    [
        LINE,
        f"To keep: {LINE}",
        f"Noted: 00.a = 0.5. To keep: usft1:{'x' * 20}\nNoted: 14.1 = done. To keep: {LINE}\n",
        f"  {LINE[:20]}\n {LINE[20:30]}\u00a0\t{LINE[30:]} ",
        f"“{LINE}”",
        f"‘{LINE}’",
        f"usft1:{LINE}",
        f'usft.progress("{LINE}")',
        f"{LINE}==",
        f"{LINE}…",
    ],
)
def test_a_line_comes_back_however_it_was_pasted(pasted):
    usft.progress(pasted)
    assert usft.guesses() == HELD


def test_a_printed_line_can_stand_in_the_lessons_cell_as_it_is(capsys, monkeypatch, tmp_path):
    """00_start_here shows ``usft.progress("usft1:…")``: any value, one that holds quotes too, makes such a cell."""
    usft.guess("00.a", """it's "shallow" \\ …""")
    kept = line_to_keep(capsys)
    assert re.fullmatch(r"usft1:[\w-]+", kept, re.ASCII)
    another_machine(monkeypatch, tmp_path)
    exec('usft.progress("usft1:…")'.replace("usft1:…", kept))
    assert usft.guesses() == {"00.a": """it's "shallow" \\ …"""}


def test_a_dash_that_a_text_program_drew_is_two(capsys, monkeypatch, tmp_path):
    draw = random.Random(0)
    while "--" not in progress._keep():
        monkeypatch.setattr(room, "_unkept", {"00.a": draw.random()})
    kept, noted = line_to_keep(capsys), usft.guesses()
    another_machine(monkeypatch, tmp_path)
    usft.progress(kept.replace("--", "—"))
    assert usft.guesses() == noted


@pytest.mark.parametrize("broken", [LINE[:-1], LINE[:30], LINE.replace("VRMj", "VRMk"), LINE[:20] + LINE[21:], "hello",
                                    "", "usft1:", "usft1:…", 'usft1:{"00.1":0.8}:e5fd0c7f', 5,
                                    "usft1:eNqLNowFAAHSAOM"])  # fmt: skip
def test_a_line_that_is_not_whole_changes_nothing(broken):
    usft.guess("00.1", 0.8)
    with pytest.raises(BadInput, match="copy all of it"):
        usft.progress(broken)
    assert usft.guesses() == {"00.1": 0.8}


def test_a_guess_must_be_given(capsys):
    for nothing in (..., None):
        usft.guess("00.1", nothing)
        assert "write one in place of the dots" in capsys.readouterr().out and usft.guesses() == {}


@pytest.mark.parametrize("value, kept", [(torch.tensor(0.5), 0.5), (np.float32(0.5), 0.5), (np.arange(2), [0, 1]),
                                         (1 + 2j, "(1+2j)"), ("≈ ½", "≈ ½")])  # fmt: skip
def test_a_guess_may_be_a_number_of_any_kind(value, kept):
    usft.guess("00.1", value)
    usft.guess(7, 1)
    assert usft.guesses() == {"00.1": kept, "7": 1}


@contextmanager
def below_a_file(folder):
    """A folder where not even root can write."""
    folder.write_text("x")
    yield
    folder.unlink()


@contextmanager
def full_disk(folder):
    """A disk that takes files but no bytes: the system refuses them to this process."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit (2026-11-29)")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("place", [below_a_file, full_disk])
def test_where_nothing_can_be_written_notes_are_kept_in_memory_and_it_is_said_once(
    place, capsys, monkeypatch, tmp_path
):
    monkeypatch.setenv("USFT_PROGRESS", str(tmp_path / "home" / "progress.json"))
    with place(tmp_path / "home"):
        usft.guess("00.1", 0.8)
        check(lambda a, b: a + b, CASES, exercise="01.1")
        usft.guess("00.2", 0.9)
        told = capsys.readouterr().out
        assert told.count("cannot be written") == 1 and "copy the line that usft.progress() prints" in told
        with pytest.raises(BadInput, match="anna.json cannot be written"):
            usft.progress(save=tmp_path / "home" / "anna.json")
        kept, noted = line_to_keep(capsys), usft.guesses()
    assert noted == {"00.1": 0.8, "01.1": "done", "00.2": 0.9}
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "nothing half-written remains"
    usft.guess("00.3", 1)  # somebody made room
    assert json.loads((tmp_path / "home" / "progress.json").read_text()) == {**noted, "00.3": 1}
    another_machine(monkeypatch, tmp_path)
    usft.progress(kept)
    assert usft.guesses() == noted


def test_a_class_that_shares_one_cache_folder_does_not_share_its_notes(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("USFT_PROGRESS", "")
    for name in ("anna", "ben"):
        monkeypatch.setattr(room.pooch, "os_cache", lambda project, name=name: tmp_path / name / project)
        assert usft.guesses() == {}
        usft.guess("00.1", name)
    assert json.loads((tmp_path / "anna" / "usft" / "progress.json").read_text()) == {"00.1": "anna"}
    assert not cache.exists()


@pytest.mark.parametrize("held", ["[1]", "{", "", '"text"', "\ufeff{}"])
def test_a_file_of_notes_that_somebody_spoilt_stops_no_lesson(held, tmp_path):
    (tmp_path / "progress.json").write_text(held, encoding="utf-8")
    assert usft.guesses() == {}
    usft.guess("00.1", 0.8)
    assert usft.guesses() == {"00.1": 0.8}


@pytest.mark.parametrize("answer, expected", [(105.0, 100.0), (0.5002, 0.5), (torch.tensor([1.0, 1.001]), [1.0, 1.0])])
def test_a_tolerance_is_a_difference_and_no_share(answer, expected):
    with pytest.raises(usft.WrongAnswer):
        usft.check(answer, {"value": ((), expected, "look again")})


def test_numbers_in_another_shape_are_refused_as_wrong_and_not_as_an_error():
    with pytest.raises(usft.WrongAnswer, match="got") as caught:
        usft.check(torch.ones(3, 1), {"value": ((), torch.ones(3), "one number an image")})
    assert "stopped with" not in str(caught.value)
    with pytest.raises(usft.WrongAnswer):
        usft.check(torch.ones(1, 4), {"value": ((), torch.ones(4, 1), "a row is no column")})
    usft.check(torch.ones(1), {"value": ((), 1.0, "one number")})


@pytest.mark.parametrize("value, fine", [(0, True), (1, True), (-0.001, False), (1.001, False), (float("nan"), False)])
def test_a_range_has_two_ends(value, fine, capsys):
    if fine:
        usft.check_range(value, 0, 1, "dice")
        assert capsys.readouterr().out == "✓ dice lies in 0…1\n", "the value itself differs between machines"
    else:
        with pytest.raises(usft.WrongAnswer, match="dice is .*, outside 0…1"):
            usft.check_range(value, 0, 1, "dice")


def test_a_solution_is_shown_after_a_failed_check_or_now_and_that_is_noted(capsys):
    with pytest.raises(BadInput, match="Try 01.1 and run its check first"):
        usft.solution("01.1")
    with pytest.raises(BadInput, match="no exercise '01.9': did you mean '01"):
        usft.solution("01.9", now=True)
    assert usft.guesses() == {}
    with pytest.raises(WrongAnswer):
        check(lambda a, b: a - b, CASES, exercise="01.1")
    usft.solution("01.1")
    shown = capsys.readouterr().out
    assert "def " in shown and "BEGIN" not in shown and usft.guesses() == {"01.1 seen": True}
    usft.progress()
    assert "· 01.1 (solution seen)" in capsys.readouterr().out
    usft.solution("01.2", now=True)
    assert "01.2 seen" in usft.guesses()
    check(lambda a, b: a + b, CASES, exercise="01.3")
    usft.solution("01.3")  # solved: comparing is no looking up
    assert "01.3 seen" not in usft.guesses()


def test_every_exercise_has_its_solution():
    exercises = [number for lesson in json.loads(progress.LESSONS.read_text()) for number in lesson["exercises"]]
    assert exercises and set(exercises) <= answers._written("solutions").keys()
    for text in answers._written("solutions").values():
        compile(text, "a solution", "exec")


@pytest.mark.parametrize("asked, told", [("gCNR", "gCNR: G"), ("gcnr", "gCNR: G"), ("Layer groups", "layer group: ")])
def test_a_term_is_explained_however_it_is_written(capsys, asked, told):
    usft.explain(asked)
    assert capsys.readouterr().out.startswith(told)


def test_an_unknown_term_names_the_nearest():
    with pytest.raises(BadInput, match="no term 'speckel': did you mean 'speckle'"):
        usft.explain("speckel")


def test_an_assignment_is_the_same_for_a_name_and_another_for_another():
    one, again, other = (usft.assignment(name, n=4, size=32) for name in ("Anna", " anna ", "李明"))
    assert torch.equal(one.images, again.images) and not torch.equal(one.images, other.images)
    assert len(set(one.subjects)) == 2 and one.name == "assignment of anna"
    for nobody in ("", None):
        with pytest.raises(BadInput, match="Give your name"):
            usft.assignment(nobody)


def test_times_are_noted_only_where_the_student_wants_them(capsys):
    usft.guess("00.a", 1)
    assert "times" not in usft.guesses()
    usft.progress(times=True)
    usft.guess("00.b", 2)
    assert usft.guesses()["times"].keys() == {"00.b"} and "besides" not in capsys.readouterr().out
    usft.progress(times=True)
    assert usft.guesses()["times"].keys() == {"00.b"}, "switching on again keeps what is there"
    usft.progress(times=False)
    assert usft.guesses() == {"00.a": 1, "00.b": 2}
