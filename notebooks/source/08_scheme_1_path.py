# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display

import usft_lib as usft
from usft_lib.study.claims import cells

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": five trainings
SEED = 0
SIZE = 96  # pixels a side
STEPS, TRAININGS = (300, 5) if PROFILE == "full" else (150, 1)

# %% [markdown]
# In networks that name what they see, people train the last layers. Amiri, Brooks and Rivaz (2020) report that this is
# often the worst choice for a U-Net that moves to ultrasound. They used two definitions of *shallow* and *deep* layers.
# The details are not known to us, so ours is *our reconstruction*.
#
# This lesson takes **scheme 1**: along the path. Shallow means near the input. The path goes through `enc1` … `enc4`,
# `bottleneck`, `dec4` … `dec1`, head. The head has only 17 parameters, so `dec1` and the head count as one step. That
# makes nine steps. *First k* trains the first k of them, *last k* the last k.

# %%
K = 2  # change me: 0 to 9
net = usft.UNet(width=16, depth=4)
for strategy in (usft.first, usft.last):
    display(usft.UNetDiagram(usft.train_only(net, strategy(net, K)), size=SIZE))

# %% [markdown]
# From k = 5 on, the two share steps. At k = 9 they are the same.
#
# ## Guess first
#
# The study fine-tuned an X-ray network on 40 fetal heads, five times with *first 2* and five times with *last 2*.
#
# * **08.a** By how much Dice is first 2 ahead, on average? A negative number if last 2 wins.
# * **08.b** Four kinds of strategy (first, last, and two of lesson 09) were compared on three data sets at three values
#   of k. In how many of the nine comparisons are the last layers the worst of the four?

# %%
usft.guess("08.a", ...)  # Dice of first 2 minus Dice of last 2
usft.guess("08.b", ...)  # in how many of nine last k is the worst

# %% [markdown]
# ## A race along the path
#
# Train k = 2 and k = 4 from both ends. The images are simulated breasts. In the lab, choose *first* or *last*, set k,
# press *Add to race*, four times, then *Race*. Nothing to click? The next cell does it.

# %% tags=["train"]
source = usft.pretrained("xray-simulated")
people = usft.simulate_ultrasound(160, size=SIZE, seed=71, preset="breast")
train, val = people.split(0.5, 0.5, seed=SEED)
racers = ["first 2", "last 2", "first 4", "last 4"]
task = usft.Task(
    "Race first 2, last 2, first 4 and last 4. Is the gap larger at k = 2 or at k = 4?",
    done=lambda scores: set(racers) <= set(scores["strategy"]),
)
lab = usft.FreezeLab(
    source, train, val, n=40, steps=STEPS, lr=3e-3, seed=SEED, tasks=[task]
)
display(lab)

# %% tags=["train"]
for name in racers:
    if name not in set(lab.scores["strategy"]):
        lab.run(name, seeds=TRAININGS)
board = lab.scores.set_index("strategy")["dice"]
for k in (2, 4):
    gap = board[f"first {k}"] - board[f"last {k}"]
    print(f"k = {k}: first {k} minus last {k} is {gap:+.2f}")
usft.check_range(board[racers].max(), 0.3, 0.95, "Dice of the best")

# %% [markdown]
# Yours is one short training of each: even the sign may differ from what others find.
#
# ## Would another training agree?
#
# The study trained each strategy with five seeds. A seed fixes the X-ray network at the start, the 40 images, and the
# order of the batches. Both strategies share all three, and the same 160 test heads. So we may subtract head by head.
# This is the **paired difference**.

# %%
# NBVAL_CHECK_OUTPUT
study = usft.results("schemes")
rows = []
for seed in study.seeds("hc18", ["first 2", "last 2"]):
    first = study.by_subject("hc18", "first 2", seed)
    last = study.by_subject("hc18", "last 2", seed)
    rows.append(first - last)
    print(f"training {seed + 1}: first 2 is ahead by {rows[-1].mean():+.3f}")
differences = np.array(rows)
print("trainings × heads:", differences.shape)

# %% [markdown]
# Why pair? A blurred head is hard for both strategies. In the difference this cancels. The cell below prints the width
# of the interval, paired, and as if on different heads. Then look at the rows: does the interval of one training
# include the results of the others? (The dotted line at 0.02 comes later.)

# %% tags=["fold", "study"]
# @title Draw the difference of each training, with its interval over heads
single = [usft.bootstrap_mean(study.by_subject("hc18", name, 0)) for name in ("first 2", "last 2")]
unpaired = np.hypot(*(high - low for _, low, high in single))
each = {f"training {k + 1}": usft.bootstrap_mean(row) for k, row in enumerate(differences)}
whole = study.difference("hc18", "first 2", "last 2")[:3]
usft.plots.differences_figure({"fetal heads: first 2 − last 2": {**each, "all five": whole}})
plt.show()
paired = each["training 1"]
print(f"mean of all five {whole[0]:+.3f}; your guess: {usft.guesses().get('08.a', 'none')}")
print(f"width of the interval in training 1: paired {paired[2] - paired[1]:.3f}, on different heads {unpaired:.3f}")
missed = sum(not paired[1] <= mean <= paired[2] for mean, _, _ in list(each.values())[1:])
assert missed >= 3
usft.alt(f"first 2 is ahead in all five; but the interval of training 1 misses the means of {missed} of the others.")

# %% [markdown]
# Whoever runs training 1 alone is too sure of it. Its interval covers other *heads*, not other *trainings*. The last
# row covers both.
#
# ### Exercise 08.1 · Seeds and subjects
#
# `differences[s, j]` is the paired difference of training s on subject j. Its mean can move for two reasons: other
# trainings and other subjects. Each reason has its own variance:
#
# * of the trainings: the variance of the trainings' means, divided by the number of trainings;
# * of the subjects: the variance of the subjects' means, divided by the number of subjects.
#
# Variances of independent reasons add. Return `(mean, standard_error)`; the standard error is the root of their sum.
# Divide by n − 1 in each variance.
#
# <details><summary>Hint 1</summary>
#
# `differences.mean(axis=1)` has one number for each training, `differences.mean(axis=0)` one for each subject.
# </details>
# <details><summary>Hint 2</summary>
#
# `values.var(ddof=1)` divides by n − 1. Add two variances, take the root once.
# </details>

# %%
def mean_and_error(differences):
    """Mean of an array [trainings, subjects], and its standard error over both."""
    # BEGIN SOLUTION add the variances of the trainings' and the subjects' means
    trainings, subjects = differences.shape
    of_trainings = differences.mean(axis=1).var(ddof=1) / trainings
    of_subjects = differences.mean(axis=0).var(ddof=1) / subjects
    return differences.mean(), np.sqrt(of_trainings + of_subjects)
    # Why: all values of a training share its luck, and all values of a subject share its difficulty.
    # END SOLUTION


# %%
# @title Check 08.1
# BEGIN CHECK
luck, hard = np.array([0.00, 0.04, 0.08, 0.02, 0.06]), np.linspace(-0.3, 0.3, 41)
only_luck, only_hard = np.tile(luck[:, None], (1, 41)), np.tile(hard, (5, 1))
both = luck[:, None] + hard
e_luck, e_hard = luck.std(ddof=1) / 5**0.5, hard.std(ddof=1) / 41**0.5
draw = np.random.default_rng(8)
drawn = draw.normal(0, 0.05, (3, 1)) + draw.normal(0, 0.1, (1, 12)) + draw.normal(0, 0.08, (3, 12))
of_both = np.var(drawn.mean(1), ddof=1) / 3 + np.var(drawn.mean(0), ddof=1) / 12
alone = drawn - drawn.mean(1, keepdims=True) - drawn.mean(0) + drawn.mean()
left = (alone**2).sum() / 22 / 36  # in both variances: who takes it off once, as the library does, is right, too


def error(wanted):
    return lambda r: abs(float(r[1]) - wanted) < 2e-4


usft.check(
    mean_and_error,
    {
        "two numbers": ((both,), lambda r: len(r) == 2, "return the mean and the standard error."),
        "the mean": ((both,), lambda r: abs(float(r[0]) - both.mean()) < 1e-6, "the mean of all values."),
        "subjects all alike": (
            (only_luck,),
            error(e_luck),
            "trainings differ, subjects do not: five numbers, not 205. Use the five means, ddof=1, divided by 5.",
        ),
        "trainings all alike": (
            (only_hard,),
            error(e_hard),
            "subjects differ, trainings do not: 41 numbers, not 205. Use the 41 means, ddof=1, divided by 41.",
        ),
        "both": ((both,), error((e_luck**2 + e_hard**2) ** 0.5), "add the variances, then take one root."),
        "three trainings, random": (
            (drawn,),
            lambda r: min(abs(float(r[1]) - (of_both - off) ** 0.5) for off in (0, left)) < 2e-4,
            "means over all subjects, and over all trainings; their numbers come from the shape.",
        ),
    },
    exercise="08.1",
)
# END CHECK

# %%
# BEGIN WRONG "the mean and the standard error"
def mean_and_error(differences):
    return np.array([differences.mean()])
# END WRONG
# BEGIN WRONG "mean of all values"
def mean_and_error(differences):
    return differences.sum(), 0.01
# END WRONG
# BEGIN WRONG "five numbers, not 205"
def mean_and_error(differences):
    return differences.mean(), differences.std(ddof=1) / differences.size**0.5
# END WRONG
# BEGIN WRONG "five numbers, not 205"
def mean_and_error(differences):
    each = differences.mean(axis=0)
    return each.mean(), each.std(ddof=1) / len(each) ** 0.5
# END WRONG
# BEGIN WRONG "five numbers, not 205"
def mean_and_error(differences):
    trainings, subjects = differences.shape
    a, b = differences.mean(axis=1).var() / trainings, differences.mean(axis=0).var() / subjects
    return differences.mean(), (a + b) ** 0.5
# END WRONG
# BEGIN WRONG "five numbers, not 205"
def mean_and_error(differences):
    a, b = differences.mean(axis=1).var(ddof=1), differences.mean(axis=0).var(ddof=1)
    return differences.mean(), (a + b) ** 0.5
# END WRONG
# BEGIN WRONG "41 numbers, not 205"
def mean_and_error(differences):
    each = differences.mean(axis=1)
    return each.mean(), each.std(ddof=1) / len(each) ** 0.5
# END WRONG
# BEGIN WRONG "then take one root"
def mean_and_error(differences):
    trainings, subjects = differences.shape
    a, b = differences.mean(axis=1).std(ddof=1), differences.mean(axis=0).std(ddof=1)
    return differences.mean(), a / trainings**0.5 + b / subjects**0.5
# END WRONG
# BEGIN WRONG "means over all subjects"
def mean_and_error(differences):
    trainings, subjects = differences.shape
    a, b = differences[:, 0].var(ddof=1) / trainings, differences[0].var(ddof=1) / subjects
    return differences.mean(), (a + b) ** 0.5
# END WRONG
# BEGIN WRONG "means over all subjects"
def mean_and_error(differences):
    trainings, subjects = differences.shape
    a = differences.var(axis=0, ddof=1).mean() / trainings
    b = differences.var(axis=1, ddof=1).mean() / subjects
    return differences.mean(), (a + b) ** 0.5
# END WRONG
# BEGIN WRONG "come from the shape"
def mean_and_error(differences):
    a, b = differences.mean(axis=1).var(ddof=1) / 5, differences.mean(axis=0).var(ddof=1) / 41
    return differences.mean(), (a + b) ** 0.5
# END WRONG
# BEGIN RIGHT
def mean_and_error(differences):
    table = torch.as_tensor(differences)
    a = table.mean(1).var() / len(table)
    b = table.mean(0).var() / table.shape[1]
    return torch.stack([table.mean(), (a + b).sqrt()])
# END RIGHT
# BEGIN RIGHT
def mean_and_error(differences):
    from scipy import stats

    return [np.mean(differences), np.hypot(stats.sem(differences.mean(1)), stats.sem(differences.mean(0)))]
# END RIGHT
# BEGIN RIGHT
def mean_and_error(differences):
    # as the library: what is left in single values is in both variances, so it is taken off once
    s, n = differences.shape
    a, b, m = differences.mean(1), differences.mean(0), differences.mean()
    rest = ((differences - a[:, None] - b + m) ** 2).sum() / ((s - 1) * (n - 1)) / (s * n)
    return m, (a.var(ddof=1) / s + b.var(ddof=1) / n - rest) ** 0.5
# END RIGHT

# %% [markdown]
# The library's interval is the mean ± t standard errors. Five trainings show their spread only roughly, so t is larger
# than the usual 1.96. The noise of single values is in both variances, so the library subtracts it once. (Each training
# on `busi` has other test lesions, so the spread of the five means contains both already.)
#
# ## The study, at a click
#
# The **results explorer** shows the whole study. Choose a data set, a kind of strategy and k. It asks for your guess
# before it shows a curve. The view *A or B?* subtracts two strategies, training by training, and says a word:
#
# * *confirmed* (for a claim of the paper: *reproduced*): the interval lies above 0, and the mean is at least 0.02;
# * *reversed*: the interval lies below 0, and the mean is −0.02 or less;
# * *not confirmed* (*not reproduced*): otherwise, if the interval ends below 0.02;
# * *undecided*: anything else.
#
# A difference below 0.02 would matter to nobody. We fixed this rule before the results; *reversed* was added later.
# This word is the **verdict** on a claim.

# %%
explorer = usft.ResultsExplorer("hc18", guess=True)
display(explorer)

# %% [markdown]
# ### Exercise 08.2 · Read a pair
#
# In *A or B?*, compare A = *first 2* with B = *last 2* on breast lesions. Set `word`, the study's word, and `low` and
# `high`, the ends of the interval, to three digits. (Without a mouse: `usft.explorer_table("pair", "busi", a="first 2",
# b="last 2")`.)

# %%
# BEGIN SOLUTION a word and two numbers
row = usft.explorer_table("pair", "busi", a="first 2", b="last 2").iloc[0]
word, low, high = row["said"].split(":")[0], row["low"], row["high"]
# Why: the word follows from the interval and the mean, and nothing else.
# END SOLUTION

# %% tags=["reading"]
# @title Check 08.2
# BEGIN CHECK
mean_busi, low_busi, high_busi = study.difference("busi", "first 2", "last 2")[:3]
right = usft.reading(mean_busi, low_busi, high_busi, yes="confirmed")
usft.check(
    lambda: (str(word), float(low), float(high)),
    {
        "the word": (
            (),
            lambda r: r[0].split(":")[0].replace("reproduced", "confirmed") == right,
            "is the whole interval above 0, and the mean 0.02 or more?",
        ),
        "the lower end": ((), lambda r: abs(r[1] - low_busi) < 6e-4, "the target is busi; the low end comes first."),
        "the upper end": ((), lambda r: abs(r[2] - high_busi) < 6e-4, "the high end of the same interval."),
    },
    exercise="08.2",
)
# END CHECK

# %%
# BEGIN WRONG "above 0, and the mean"
word, low, high = "undecided", low_busi, high_busi
# END WRONG
# BEGIN WRONG "the low end comes first"
word, (low, high) = "confirmed", whole[1:]
# END WRONG
# BEGIN WRONG "the high end"
word, low, high = "confirmed", low_busi, mean_busi
# END WRONG
# BEGIN RIGHT
word, low, high = "reproduced", round(low_busi, 3), torch.tensor(high_busi)
# END RIGHT

# %% [markdown]
# Write one sentence on what this says about people with breast lesions. Then open the points.
#
# <details><summary>Three points to look for</summary>
#
# * First 2 is better than last 2 here, but the interval is wide: the true gap may be small or large.
# * The small copy of BUSI has 85 lesions and no patient numbers. An interval over images is not one over people.
# * At equal k the two are not equal in size or work: see below.
# </details>
#
# ## What came out
#
# The study tests numbered **claims**, each with a rule for its verdict. Three belong here. **Claim 1:** the contracting
# path (first 4) is better than the expanding path (last 4). **Claim 3:** first k is better than last k, averaged over k
# from 1 to 7. **Claim 5:** at equal k, the last layers are the worst of four kinds in more than half of nine
# comparisons.

# %% tags=["fold", "study"]
# @title Draw the verdicts on claims 1, 3 and 5
names = {"hc18": "fetal heads", "busi": "breast lesions", "sim-ultrasound": "simulated breasts"}
told = usft.verdicts(1, 3)
told = told[~told["secondary"]]
panels = {f"claim {claim}: {what}": {names[line.target]: (line.mean, line.low, line.high)
          for line in told[told["claim"] == claim].itertuples()}
          for claim, what in {1: "first 4 − last 4", 3: "first k − last k"}.items()}  # fmt: skip
usft.plots.differences_figure(panels)
plt.show()
for line in told.itertuples():
    interval = f"{line.mean:+.3f} ({line.low:+.3f} to {line.high:+.3f})"
    print(f"claim {line.claim}, {names[line.target]}: {interval}, {line.said}")
rows = usft.explorer_table("k", "hc18", kind="first").set_index("strategy")
for k in (2, 4):
    one, other = rows.loc[f"first {k}"], rows.loc[f"last {k}"]
    print(f"k = {k}: first needs {one.share / other.share:.2f} times the operations of last, "
          f"and trains {one.parameters / other.parameters:.2f} times the parameters")  # fmt: skip
nine = cells(study)
worst, clear = sum(c.worst == "last" for c in nine), sum(c.worst == "last" and c.clear for c in nine)
print(f"claim 5: last is the worst of four in {worst} of {len(nine)} comparisons, in {clear} with an interval above 0")
print(f"your guess for claim 5: {usft.guesses().get('08.b', 'none')} of 9")
sure = ", ".join(f"claim {line.claim} on {names[line.target]}" for line in told.itertuples() if line.low > 0)
usft.alt(f"the interval lies above 0 for {sure}; for breast lesions it includes 0 both times.")
assert (told[told["target"] == "busi"]["low"] < 0).all() and (told[told["target"] != "busi"]["low"] > 0).all()

# %% [markdown]
# <details><summary>What do the three claims say together?</summary>
#
# Claims 1 and 3 are *reproduced* on fetal heads and simulated breasts, and *undecided* on the few breast lesions: there
# first 2 is ahead of last 2, but at k = 7 the last ones are ahead. Claim 5 only counts how often the last layers are
# worst: always, so it is *reproduced*. In two of the nine comparisons the interval includes 0.
#
# Equal k is not equal work. At k = 2 the first groups take more operations (multiplications and additions), as the
# gradient must cross the whole network. At k = 4 the larger layers of the last groups make up for it. There first 4
# trains fewer than half as many parameters, so it does not win by its size.
# </details>

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
Five trainings, each tested on the same 160 heads, give 800 paired differences. You put all 800 into one bootstrap. What
happens to the interval?

- [x] It becomes too narrow.
  A hard head is hard in all five trainings, and the luck of a training is in all of its 160 heads. There are five
  trainings and 160 heads, not 800 independent values.
- [ ] It becomes too wide, because the pairs are mixed.
  The differences were taken before mixing, so the pairs are kept. What is lost is who belongs to whom.
- [ ] It is right, and 800 values make it very good.
  Many values help only if they are independent.
""")

# %%
# @title Question 2
usft.Quiz("""
First 7 and last 7 have five of their seven steps in common. Their Dice is nearly equal on fetal heads. What follows?

- [ ] With so many groups it does not matter which ones are trained.
  It may matter. These two cannot tell, because they train almost the same groups.
- [x] Little: they are almost the same strategy.
  A gap that closes as k grows is arithmetic. On breast lesions, first 7 is even below last 7.
- [ ] The bottleneck is what counts, because both include it.
  They share four more steps. What one group does alone is seen by training it alone.
""")

# %%
# @title Question 3
usft.Quiz("""
First 1 trains 0.1 % of the parameters. Why is a training step of first 1 not a thousand times faster? (From lesson 00.)

- [x] The image crosses the whole network, and the gradient must come all the way back to enc1.
  Only the gradients of the weights are saved. Lesson 13 counts them.
- [ ] The optimiser updates all parameters anyway.
  It holds only those that are trained.
- [ ] It is: only the loading of images takes time.
  The images are in memory already.
""")

# %% [markdown]
# ## What this does not show
#
# * **Position alone.** First k and last k also differ in parameters and in what they see. Lesson 11 takes these apart.
# * **Small differences on BUSI.** Its 85 lesions cannot decide a difference of 0.02.
# * **Another start.** The paper's line began with natural photographs, not with X-rays.

# %% [markdown]
# ## Recap
#
# * Compare strategies by their paired difference, subject by subject.
# * An interval over subjects alone is too sure. Cover trainings, too.
#
# ## Try it alone
#
# In the explorer's *pair*, find two strategies whose whole interval lies between −0.02 and 0.02. These are as good as
# equal.

# %% [markdown]
# ## Further reading
#
# * Amiri, Brooks and Rivaz, their first paper on this, DART 2019, [arXiv 2002.08438](https://arxiv.org/abs/2002.08438).
# * Shirokikh and others, 2020, [arXiv 2008.07357](https://arxiv.org/abs/2008.07357): first layers beat last layers
#   between MRI scanners. Zakazov and others, 2021, [arXiv 2107.04914](https://arxiv.org/abs/2107.04914): it depends on
#   how much data there is.
