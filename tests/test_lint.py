"""The rules of the lessons' text: each finds the fault that it is there for, and the lessons keep them all."""

import os
import subprocess
from pathlib import Path

import pytest
from scripts import script

if os.environ.get("USFT_WHEEL_ONLY"):
    pytest.skip("needs the repository, and only the wheel is tested here (2026-11-25)", allow_module_level=True)

lint = script("notebooks/lint.py")

GOOD = """# %% [markdown]
# ## A question
# See [doi 10.1109/TUFFC.2020.3015081](https://doi.org/10.1109/TUFFC.2020.3015081) and [arXiv
# 2002.08438](https://arxiv.org/abs/2002.08438).
#
# ### Closer

# %%
plt.show()
usft.alt("first 4 is ahead on all targets.")
"""
FAULTS = {
    "https://doi.org/10.1109/TUFFC.2020.3015081)": {
        "http://doi.org/10.1109/TUFFC.2020.3015081)": "is not https",
        "https://doi.org/TUFFC.2020)": "is no address of doi.org",
        "https://doi.org/10.1109/TUFFC.2020.999)": "leads to another place",
        "no_such_lesson.ipynb)": "there is no file",
    },
    "https://arxiv.org/abs/2002.08438": {"https://arxiv.org/abs/2002.8438v": "is no address of arxiv.org"},
    "[doi 10": {"![](https://a.org/b.png) [doi 10": "has no alt text"},
    "## A question": {"# A question": "is of level 1", "### A question": "is of level 3"},
    "### Closer": {"## A question": "two headings", "#### Closer": "is of level 4, after one of level 2"},
    'usft.alt("first': {'print("first': "a figure without usft.alt"},
    "plt.show()": {"x = 1\n" * 15 + "plt.show()": "a cell of 17 lines"},
    "# See": {"# word" + " word" * 300 + "\n# See": "a text of"},
}


@pytest.fixture
def lesson(tmp_path):
    (tmp_path / "source").mkdir()

    def write(text: str) -> Path:
        path = tmp_path / "source" / "00_first.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_lesson_that_keeps_the_rules_passes(lesson):
    path = lesson(GOOD)
    assert lint.lint(path) == [] and lint.spelling([path]) == []


@pytest.mark.parametrize(
    "old, new, says", [(old, new, says) for old, faults in FAULTS.items() for new, says in faults.items()]
)
def test_each_rule_finds_its_fault(lesson, old, new, says):
    assert GOOD.count(old) == 1
    (found,) = lint.lint(lesson(GOOD.replace(old, new)))[:1]
    assert says in found and found.startswith("00_first.py: ")


def test_a_sentence_in_the_next_cell_tells_the_figure_and_a_check_may_be_long(lesson):
    assert lint.lint(lesson(GOOD.replace("plt.show()\n", "plt.show()\n\n# %%\n"))) == []
    check = "# BEGIN CHECK\n" + "x = 1\n" * 40 + "# END CHECK\n"
    assert lint.lint(lesson(GOOD.replace("plt.show()", check + "plt.show()"))) == []


def test_a_spelling_mistake_is_found(lesson):
    (found,) = lint.spelling([lesson(GOOD.replace("See", "Recieve"))])
    assert "Recieve ==> Receive" in found


def test_spelling_that_could_not_be_looked_at_is_said(lesson, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr="python: No module named codespell_lib\n")
    monkeypatch.setattr(lint.subprocess, "run", lambda *_, **__: failed)
    assert lint.spelling([lesson(GOOD)]) == ["codespell: python: No module named codespell_lib"]


def test_the_lessons_keep_the_rules(capsys):
    assert lint.main() == 0, capsys.readouterr().out


SECOND = """# %% [markdown]
# A **Dice** is a score.
#
# ## One

# %%
# NBVAL_CHECK_OUTPUT
usft.guess("00.a", ...)  # Dice of everything
print(usft.guesses().get("00.a"))

# %% tags=["fold"]
# @title Draw
figure, axes = plt.subplots()
plt.show()
usft.alt("nothing.")

# %%
# NBVAL_CHECK_OUTPUT
def double(x):
    # BEGIN SOLUTION twice
    return 2 * x
    # Why: twice is two times.
    # END SOLUTION


# %%
# @title Check 00.1
# BEGIN CHECK
usft.check(double, {"two": ((2,), 4, "twice.")}, exercise="00.1")
# END CHECK
"""
ASKED = {
    "# NBVAL_CHECK_OUTPUT\ndef": {"def": "1 compared outputs, at least 2"},
    "# @title Draw\n": {"": "a folded cell without a title: figure"},
    ' tags=["fold"]': {"": "drawing code that is not folded: # @title Draw"},
    "    # Why: twice is two times.\n": {"": "a solution that does not say why: # NBVAL"},
    'print(usft.guesses().get("00.a"))': {"print(1)": "guess 00.a is never opened"},
    "  # Dice of everything": {"": "guess 00.a does not say", "  # a number": "guess 00.a does not say"},
    "A **Dice**": {"A Dice": "'Dice' is this lesson's", "A speckle and a **Dice**": "'speckle' comes in lesson 06"},
    "# ## One": {"".join(f"# ## {k}\n# \n" for k in range(6)): "6 sections, at most 5",
                 "# " + "word " * 1600: "words, at most 1500"},
    '# %% tags=["fold"]\n# @title Draw\n': {
        '# %% tags=["fold", "study"]\n# @title Draw\n': "a finding of the study that nothing computes",
        '# %% tags=["fold", "study"]\n# @title Draw\nassert 1 < 2\n': None},
    "figure, axes": {"x = '" + "x" * 90 + "'\nfigure, axes": None},
    "def double(x):": {"def double(x):" + "\n    y = 1" * 110: "code, at most 110",
                       "def double(x):" + " " * 99 + "#": "columns, at most 88"},
    "return 2 * x": {"return 2 * x" + "\n    y = 1" * 110: None},  # a student does not see it
}  # fmt: skip
TERMS = {"Dice": {"lesson": "00", "says": ""}, "speckle": {"lesson": "06", "says": ""},
         "step": {"lesson": "03", "says": "", "common": True}}  # fmt: skip


def test_a_rewritten_lesson_that_keeps_its_limits_passes(lesson):
    path = lesson(SECOND)
    assert lint.asks(path, TERMS, SECOND) == []
    more = SECOND.replace("is a score", "takes a step, and speckle comes in lesson 06")
    assert lint.asks(lesson(more), TERMS, SECOND) == [], "everyday words, and terms with the lesson that brings them"


@pytest.mark.parametrize("old, new, says", [(old, *each) for old, faults in ASKED.items() for each in faults.items()])
def test_each_limit_finds_its_fault(lesson, old, new, says):
    assert old in SECOND
    text = SECOND.replace(old, new, 1)
    found = lint.asks(lesson(text), TERMS, text)
    assert (says is None and found == []) or (len(found) == 1 and says in found[0]), found


def test_the_table_counts_what_a_reader_sees(lesson):
    row = lint.figures(lesson(SECOND))
    assert (row["words"], row["code"], row["longest cell"], row["sections"]) == (7, 6, 3, 1)
    assert (row["exercises"], row["quiz"], row["minutes"]) == (1, 0, 15)
    assert "00_first" in lint.table([lesson(SECOND)])
