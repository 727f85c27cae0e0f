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
from collections import Counter
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

import usft_lib as usft
from usft_lib.study.grids import STRATEGIES

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": five trainings
SEED = 0
SIZE = 96  # pixels a side
STEPS, TRAININGS = (300, 5) if PROFILE == "full" else (150, 1)

# %% [markdown]
# In lesson 08 shallow meant near the input. But a U-Net is folded: the mask at its end is an image as large as the one
# at its start. What if shallow means near the image, **on both sides**? This is the second definition, **scheme 2**.
# How the paper cut its network into levels is not known to us, so ours is *our reconstruction*.
#
# Level 1 works at the full size of the image: `enc1`, `dec1` and the head. Each further level has half the rows and
# columns and twice the channels. Level 5 is the bottleneck. *Outer k* trains the k outermost levels, *inner k* the k
# innermost.

# %%
# NBVAL_CHECK_OUTPUT
net = usft.UNet(width=16, depth=4)
sizes = usft.summary(net).set_index("group")["parameters"]
for k in (1, 2, 4):
    outer, inner = sizes[usft.outer(net, k)].sum(), sizes[usft.inner(net, k)].sum()
    print(f"k = {k}: outer trains {outer:9,} parameters, inner {inner:9,}")

# %% [markdown]
# At equal k, inner levels have many more parameters. If outer wins, a larger number of parameters cannot be the
# reason. If inner wins, nobody can tell whether it was the place or the number.
#
# ## Guess first
#
# * **09.a** By how much Dice is outer 2 ahead of inner 2 in the study, on fetal heads? Negative if inner wins.
# * **09.b** The study compares 19 strategies. Imagine that all 19 were truly equal, and that chance alone moves the
#   mean of each by 0.01 (standard deviation). **By how much is the best of the 19 above the truth, on average?**

# %%
usft.guess("09.a", ...)  # Dice of outer 2 minus Dice of inner 2
usft.guess("09.b", ...)  # by how much the best of 19 equals is above the truth

# %% [markdown]
# ## A race by level
#
# Race outer and inner levels on simulated breasts. Look at the outlines while they train. Nothing to click? The next
# cell does it. One race decides nothing; the study below has five trainings of each.

# %% tags=["train"]
source = usft.pretrained("xray-simulated")
people = usft.simulate_ultrasound(160, size=SIZE, seed=71, preset="breast")
train, val = people.split(0.5, 0.5, seed=SEED)
racers = ["outer 2", "inner 2", "outer 4", "inner 4"]
task = usft.Task(
    "Race outer 2, inner 2, outer 4 and inner 4. Which has the best outlines?",
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
    gap = board[f"outer {k}"] - board[f"inner {k}"]
    print(f"k = {k}: outer {k} minus inner {k} is {gap:+.2f}")
usft.check_range(board[racers].max(), 0.3, 0.95, "Dice of the best")

# %% [markdown]
# ## The study, by level
#
# In the explorer, compare *outer* with *inner* on all three data sets. Which curve is on top? Is it the same one
# everywhere?

# %%
explorer = usft.ResultsExplorer("hc18", kind="outer", guess=True)
display(explorer)

# %% [markdown]
# **Claim 4** is ours: outer k is better than inner k, averaged over k from 1 to 4.

# %% tags=["fold", "study"]
# @title Draw the verdict on claim 4
names = {"hc18": "fetal heads", "busi": "breast lesions", "sim-ultrasound": "simulated breasts"}
told = usft.verdicts(4)
told = told[~told["secondary"]]
rows = {names[line.target]: (line.mean, line.low, line.high) for line in told.itertuples()}
usft.plots.differences_figure({"claim 4: outer k − inner k": rows})
plt.show()
for line in told.itertuples():
    print(f"{names[line.target]}: {line.mean:+.3f} ({line.low:+.3f} to {line.high:+.3f}), {line.said}")
assert "confirmed" not in set(told["said"]) and (told["low"] < 0).all() and (told["high"] > 0).all()
usft.alt("all three intervals include 0; the mean is above 0 for heads and lesions, below 0 for simulated breasts.")
study = usft.results("schemes")
apart = {}
for k in (2, 4):
    for target, title in names.items():
        mean, low, high = apart[k, target] = study.difference(target, f"outer {k}", f"inner {k}")[:3]
        print(f"outer {k} − inner {k}, {title}: {mean:+.3f} ({low:+.3f} to {high:+.3f})")
print(f"09.a, outer 2 − inner 2 on heads: {apart[2, 'hc18'][0]:+.3f}; your guess: {usft.guesses().get('09.a', 'none')}")
assert apart[2, "hc18"][1] > 0 and all(apart[2, target][1] < 0 for target in ("busi", "sim-ultrasound"))
assert all(apart[4, target][2] < 0 for target in ("hc18", "sim-ultrasound")) and apart[4, "busi"][2] > 0

# %% [markdown]
# <details><summary>What came out?</summary>
#
# Claim 4 is *confirmed* nowhere. On heads the curves cross: outer is ahead with two levels, although it is much
# smaller, and inner with four. On simulated breasts, of the two k that are printed, inner is ahead only with four. On
# lesions the intervals are too wide to tell. A mean over k hides this. (Inner 4 leaves out only `enc1`, `dec1` and the
# head.)
# </details>
#
# ## The winner of nineteen
#
# Now look at all 19 strategies of the study at once: first and last 1, 2, 4, 5 and 7, outer and inner 1 to 4, and
# everything. Which has the highest mean, and how far ahead is it?

# %%
# NBVAL_CHECK_OUTPUT
for target in ("hc18", "busi", "sim-ultrasound"):
    means = {name: study.mean(target, name) for name in STRATEGIES}
    best = max(means, key=means.get)
    lead = means[best] - means["everything"]
    print(f"{target:15s}the best is {best}, ahead of everything by {lead:.3f}")

# %% [markdown]
# Should you train the winner from now on? Whoever picks the highest of many numbers also picks good luck. How much
# luck?
#
# ### Exercise 09.1 · The luck of the best
#
# Write `luck_of_the_best(strategies, spread)`. Imagine this many strategies, all truly equal. Chance moves the mean of
# each: a normal random number with mean 0 and standard deviation `spread`. Take the highest of them. Repeat this 4000
# times, and return the average of the highest.
#
# <details><summary>Hint 1</summary>
#
# With NumPy's `np.random.default_rng(0)` as `rng`, `rng.normal(0, spread, size=(4000, strategies))` is a row for each
# repetition.
# </details>
# <details><summary>Hint 2</summary>
#
# The highest of each row: `.max(axis=1)`. Then one mean.
# </details>

# %%
def luck_of_the_best(strategies, spread):
    """How far the best of equal strategies is above the truth, on average."""
    # BEGIN SOLUTION draw 4000 rows, take the highest of each, return their mean
    rng = np.random.default_rng(0)
    means = rng.normal(0, spread, size=(4000, strategies))
    return means.max(axis=1).mean()
    # Why: the highest of many is high because it is the highest, not because it is better.
    # END SOLUTION


# %%
# @title Check 09.1
# BEGIN CHECK
usft.check(
    luck_of_the_best,
    {
        "one strategy": ((1, 1.0), lambda r: abs(r) < 0.06, "with one strategy there is nothing to choose: 0."),
        "two": ((2, 1.0), lambda r: abs(r - 0.564) < 0.05, "average the highest of each repetition, signs included."),
        "nineteen": (
            (19, 1.0),
            lambda r: abs(r - 1.844) < 0.03,
            "the highest of 19, averaged over 4000 repetitions: the mean, not the median; and not the highest of two.",
        ),
        "a small spread": (
            (19, 0.01),
            lambda r: abs(r - 0.01844) < 0.0003,
            "spread is the standard deviation of each mean.",
        ),
    },
    exercise="09.1",
)
# END CHECK

# %%
# BEGIN WRONG "nothing to choose"
def luck_of_the_best(strategies, spread):
    return np.random.default_rng(0).normal(0, spread, size=(4000, strategies)).max()
# END WRONG
# BEGIN WRONG "nothing to choose"
def luck_of_the_best(strategies, spread):
    return abs(np.random.default_rng(0).normal(0, spread, size=(4000, strategies))).max(axis=1).mean()
# END WRONG
# BEGIN WRONG "signs included"
def luck_of_the_best(strategies, spread):
    return np.random.default_rng(0).normal(0, spread, size=(4000, strategies)).mean()
# END WRONG
# BEGIN WRONG "not the median"
def luck_of_the_best(strategies, spread):
    drawn = np.random.default_rng(0).normal(0, spread, size=(4000, strategies)).max(axis=1)
    return np.median(drawn) if strategies > 2 else drawn.mean()
# END WRONG
# BEGIN WRONG "the highest of two"
def luck_of_the_best(strategies, spread):
    return 0 if strategies == 1 else np.random.default_rng(0).normal(0, spread, size=(4000, 2)).max(axis=1).mean()
# END WRONG
# BEGIN WRONG "standard deviation of each"
def luck_of_the_best(strategies, spread):
    return np.random.default_rng(0).normal(0, spread**0.5, size=(4000, strategies)).max(axis=1).mean()
# END WRONG
# BEGIN RIGHT
def luck_of_the_best(strategies, spread):
    import torch

    generator = torch.Generator().manual_seed(3)
    return (spread * torch.randn(4000, strategies, generator=generator)).amax(1).mean()
# END RIGHT
# BEGIN RIGHT
def luck_of_the_best(strategies, spread):
    rng, highest = np.random.default_rng(2), np.full(4000, -np.inf)
    for _ in range(strategies):
        highest = np.maximum(highest, spread * rng.standard_normal(4000))
    return float(np.average(highest))
# END RIGHT
# BEGIN RIGHT
def luck_of_the_best(strategies, spread):
    rng = np.random.default_rng(5)
    highest = [max(rng.normal(0, spread) for _ in range(strategies)) for _ in range(4000)]
    return sum(highest) / len(highest)
# END RIGHT

# %% [markdown]
# How large is the spread in the study? Take the winner and everything: each was trained five times. Their difference
# changes from training to training. What both share, the start and the images, cancels in the difference; only the rest
# can change who wins. If this rest is independent and equally large, half of the variance of the difference belongs to
# each strategy. The mean of five trainings has a fifth of the variance of one.

# %% tags=["fold", "study"]
# @title How much luck may be in the lead of the winner?
def best_of_equals(strategies, spread):
    """As exercise 09.1, from the library's side."""
    drawn = np.random.default_rng(1).standard_normal((4000, strategies))
    return spread * np.mean(np.max(drawn, axis=1))


print(f"spread 0.01: {best_of_equals(19, 0.01):.3f}")
print("your guess:", usft.guesses().get("09.b", "none"))
leads = {}
for target in ("hc18", "busi", "sim-ultrasound"):
    dice = {
        name: np.array([study.one(target, name, seed) for seed in range(5)])
        for name in ("everything", "inner 4")
    }
    difference = dice["inner 4"] - dice["everything"]
    spread = np.sqrt(difference.var(ddof=1) / 2 / 5)
    luck = best_of_equals(19, spread)
    leads[target] = difference.mean(), luck
    print(f"{target:15s}lead {difference.mean():+.3f}, luck of the best {luck:.3f}")
assert all(lead < luck + 5e-4 for lead, luck in leads.values())
print("no lead is larger than what luck alone gives on average")

# %% [markdown]
# The luck above is an average: in a single study luck can be larger or smaller. There is a second way to see it,
# without a simulation. Choose the best strategy on three of the five trainings. Then look at its lead on the other two,
# which played no part in the choice. There are ten ways to pick three of five (but still only five trainings). Is it
# always the same strategy that wins?

# %%
tables = {}
for target in ("hc18", "busi", "sim-ultrasound"):
    rows = [[study.one(target, name, seed) for seed in range(5)] for name in STRATEGIES]
    tables[target] = np.array(rows)  # strategies × trainings

# %%
# NBVAL_CHECK_OUTPUT
chosen, others, winners = {}, {}, {}
for target, table in tables.items():
    lead = table - table[STRATEGIES.index("everything")]
    three, two_left, winners[target] = [], [], Counter()
    for picked in combinations(range(5), 3):
        rest = [seed for seed in range(5) if seed not in picked]
        best = table[:, picked].mean(axis=1).argmax()
        winners[target][STRATEGIES[best]] += 1
        three.append(lead[best, picked].mean())
        two_left.append(lead[best, rest].mean())
    chosen[target], others[target] = np.mean(three), np.mean(two_left)
    there, elsewhere = chosen[target], others[target]
    print(f"{target:15s}where chosen {there:+.3f}, elsewhere {elsewhere:+.3f}")
    print("   the winners:", dict(winners[target]))

# %% [markdown]
# ### Exercise 09.2 · Read the winner
#
# Set `lost`: how much of the winner's lead on breast lesions (`busi`) is lost on trainings that played no part in the
# choice (three digits). And set `behind`, the list of data sets (by the printed names) on which the winner is behind
# *everything* on these other trainings.

# %%
# BEGIN SOLUTION a difference of two printed numbers, and a list of names
lost = chosen["busi"] - others["busi"]
behind = [target for target in others if others[target] < 0]
# Why: only trainings that played no part in the choice can say how good the choice is.
# END SOLUTION

# %% tags=["reading"]
# @title Check 09.2
# BEGIN CHECK
right = {name for name, value in others.items() if value < 0}
usft.check(
    lambda: (float(lost), {behind} if isinstance(behind, str) else set(behind)),
    {
        "what is lost": (
            (),
            lambda r: abs(r[0] - (chosen["busi"] - others["busi"])) < 1.1e-3,
            "the lead where it was chosen, minus the lead elsewhere.",
        ),
        "where it is behind": ((), lambda r: r[1] == right, "where is the lead elsewhere below 0?"),
    },
    exercise="09.2",
)
# END CHECK

# %%
# BEGIN WRONG "minus the lead elsewhere"
lost, behind = others["busi"], sorted(right)
# END WRONG
# BEGIN WRONG "below 0"
lost, behind = chosen["busi"] - others["busi"], []
# END WRONG
# BEGIN RIGHT
lost, behind = round(chosen["busi"], 3) - round(others["busi"], 3), tuple(right)
# END RIGHT

# %% [markdown]
# Write one sentence: what do you report about the winner of 19? Then open the points.
#
# <details><summary>Three points to look for</summary>
#
# * Inner 4 is ahead of everything by no more than luck gives, on average, to the best of 19. Other trainings choose
#   other winners; on simulated breasts everything itself wins most often, and then the lead is 0. On trainings that
#   played no part in the choice, the winner loses more than half of its lead on lesions, and is behind everything on
#   simulated breasts. (On heads and simulated breasts all trainings use the same test subjects. A winner may suit these
#   subjects by luck. This check cannot see that.)
# * On heads inner 4 is as good as everything, to within 0.02 (a line beside claim 6; lesson 12 explains it). This can
#   be said without saying that it is the best. But the line was added after the results were known, so new trainings
#   should confirm it.
# * A claim about a winner needs trainings that played no part in choosing it.
# </details>

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
You try 19 strategies with one training each, and report the best with its own 95 % interval. What is wrong?

- [x] The interval is around a number that was chosen for being high.
  Its centre is too high by the luck of the best. Train the winner again, and report that.
- [ ] Nothing, if the interval is narrow.
  A narrow interval around a lucky number is still around a lucky number.
- [ ] One should report the median strategy instead.
  That answers another question.
""")

# %%
# @title Question 2
usft.Quiz("""
On heads, outer 2 is clearly ahead of inner 2, which has 27 times as many parameters. What may you conclude?

- [ ] Fewer parameters are better.
  Everything has all of them, and its mean is higher.
- [x] Here, more parameters cannot be the reason for the lead.
  The smaller one won. Which of its properties it was, this comparison cannot say.
- [ ] Shallow layers are always better.
  With four levels the order turns.
""")

# %%
# @title Question 3
usft.Quiz("""
Two strategies share their seeds, images and test subjects. Why do we subtract subject by subject before we average?
(From lesson 08.)

- [x] What is hard for both cancels, so the difference is known better.
  The interval of the paired difference is narrower.
- [ ] Otherwise the means would be wrong.
  The mean of the differences is the difference of the means.
- [ ] To have more values.
  There are as many differences as subjects.
""")

# %% [markdown]
# ## What this does not show
#
# * **Place against size.** Inner levels have many more parameters. Lesson 11 holds the size fixed.
# * **That the 19 are equal.** Most are not, and one that is far behind cannot win by luck. So the luck of 19 equals is
#   about the most that luck gives, on average.
# * **The paper's result by level.** How it cut the network is not known to us.

# %% [markdown]
# ## Recap
#
# * Scheme 2: shallow means near the image, on both sides of the U.
# * The best of many is partly lucky. Simulate how lucky.
# * Choose on some trainings, judge on others.
#
# ## Try it alone
#
# How does the luck grow with the number of strategies? Draw `luck_of_the_best(m, 0.01)` for m from 1 to 1000.

# %% [markdown]
# ## Further reading
#
# * Cawley and Talbot, "On over-fitting in model selection", 2010, JMLR 11: choosing can overfit, too.
# * Dodge and others, "Show your work: improved reporting of experimental results", 2019,
#   [arXiv 1909.03004](https://arxiv.org/abs/1909.03004): the best of how many?
