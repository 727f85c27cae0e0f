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
from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display

import usft_lib as usft

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": longer training
SIZE = 96  # pixels a side
STEPS = 300 if PROFILE == "full" else 150
LR = 3e-3  # learning rate

# %% [markdown]
# Somebody must outline every training image by hand. This is the expensive part of fine-tuning. How many images does it
# take? And can pretraining replace some of them? To find out we need a baseline: a network that never saw an X-ray, and
# starts **from scratch**.
#
# ## Guess first
#
# In lesson 00 you sealed guess 00.c: with ten images of heads, by how much Dice is training everything from X-ray
# weights ahead of training from scratch? Here is another one. The study compares first 2, first 4, last 2 and last 4 on
# heads. **With ten images instead of 160, by how much Dice does the gap between the best and the worst of the four
# grow?** A negative number if it shrinks.

# %%
usft.guess("12.a", ...)  # how much wider the gap is at n = 10 than at n = 160

# %% [markdown]
# ## A look of your own
#
# Four trainings on simulated breasts: with 10 images and with 40, from X-ray weights and from scratch. The ten are
# among the forty. All four take the same number of steps.

# %% tags=["train"]
xray = usft.pretrained("xray-simulated")
pool = usft.simulate_ultrasound(40, size=SIZE, seed=112, preset="breast")
test = usft.simulate_ultrasound(60, size=SIZE, seed=113, preset="breast")
dice = {}
for n in (10, 40):
    train = pool.subset(n, seed=0)
    torch.manual_seed(0)
    fresh = usft.UNet(width=16, depth=4)
    starts = {"from X-rays": deepcopy(xray), "from scratch": fresh}
    for start, model in starts.items():
        usft.fit(model, train, steps=STEPS, lr=LR, seed=0, progress=False)
        dice[start, n] = usft.evaluate(model, test)["dice"].mean()
        print(f"n = {n}, {start:12s} {dice[start, n]:.3f}")
usft.check_range(max(dice.values()), 0.3, 0.95, "Dice of the best")

# %% [markdown]
# What are the X-rays worth, and what are thirty more outlines worth? One training decides neither. And so few steps are
# hard on a network that starts with nothing.
#
# ## The number of images
#
# The study did this on fetal heads, with five seeds and more steps. In the explorer, choose *n*. At 10, 40 and 160
# images all settings are the same. With all 586 heads the training was longer, so do not compare it with the others.

# %%
explorer = usft.ResultsExplorer("hc18", view="n", guess=True)
display(explorer)

# %% tags=["fold", "study"]
# @title Print means and differences, and open guess 00.c
table = usft.explorer_table("n").set_index(["strategy", "n"])["mean"]
for n in (10, 40, 160):
    row = {name: table[name, n] for name in ("everything", "first 4", "from scratch", "last 4")}
    print(f"n = {n:3d}: " + ", ".join(f"{name} {mean:.3f}" for name, mean in row.items()))
sizes, scratch, gap = usft.results("sizes"), usft.results("origins").where(source="scratch", statistics="kept"), {}
for n in (10, 40, 160):
    tuned = usft.results("schemes") if n == 40 else sizes.where(n=n, source="xray")
    fresh = scratch if n == 40 else sizes.where(n=n, source="scratch")
    begun = fresh.tables("hc18", {"everything": 1.0}, range(5))
    for name in ("everything", "first 4"):
        gap[name, n] = usft.seed_difference(tuned.tables("hc18", {name: 1.0}, range(5)), begun)
        mean, low, high = gap[name, n]
        print(f"n = {n:3d}: {name} − from scratch {mean:+.3f} ({low:+.3f} to {high:+.3f})")
print(f"00.c, everything − from scratch, n = 10: {gap['everything', 10][0]:+.3f}; "
      f"your guess: {usft.guesses().get('00.c', 'none')}")  # fmt: skip
assert all(low < 0 < high for (name, _), (_, low, high) in gap.items() if name == "everything")
assert all(gap["first 4", n][0] < 0 for n in (10, 40, 160)) and gap["first 4", 40][2] < 0
more = table["everything", 40] - table["everything", 10], table["everything", 160] - table["everything", 40]
print(f"everything gains {more[0]:.3f} from 10 to 40 images, and {more[1]:.3f} from 40 to 160")
assert more[0] > 2 * more[1] > 0
usft.alt("the mean of first 4 is below scratch at every n, clearly at 40; everything and scratch cannot be told apart.")

# %% [markdown]
# <details><summary>What does this mean?</summary>
#
# * **How many images?** On heads, ten are enough for a Dice of 0.92. Thirty more are worth much more than the next 120.
# * **Does pretraining replace some?** We cannot tell everything and scratch apart, at any n. With ten images the
#   interval reaches from −0.02 to 0.03: X-rays may help a little, or do a little harm.
# * **And first 4?** Its mean is below scratch at every n, with 40 images surely, though by less than 0.02. First 4
#   keeps most layers as X-rays made them; on heads this was no advantage.
# </details>
#
# ## Does pretraining help?
#
# **Claim 10** (ours): it helps. The study compared two things. Where does the network start: from X-rays, from scratch,
# or from **photographs** of horses? And what is in a half that stays frozen: what X-rays made, or random weights? (The
# encoder is `enc1` to `enc4`, the decoder `dec4` to the head; the bottleneck learns in both cases. The statistics of a
# random half were estimated on the new images.) Before you run the cell: where do the X-rays help most?
#
# Beside it is **claim 6**: first 4 is *as good as* everything. Such a claim has its own words: *confirmed* if the whole
# interval lies between −0.02 and 0.02, *not confirmed* if it lies outside, else *undecided*. It has ten trainings.

# %% tags=["fold", "study"]
# @title Draw the verdicts on claim 10
names = {"hc18": "fetal heads", "busi": "breast lesions", "sim-ultrasound": "simulated breasts"}
told = usft.verdicts(10)
forms = {"from scratch": "everything − scratch", "photographs": "everything − photographs",
         "frozen encoder": "frozen encoder − random", "frozen decoder": "frozen decoder − random"}  # fmt: skip
told = told[~told["secondary"]]
by_form = {form: told[told["words"].str.contains(form)].set_index("target") for form in forms}
panels = {title: {names[line.Index]: (line.mean, line.low, line.high) for line in by_form[form].itertuples()}
          for form, title in forms.items()}  # fmt: skip
usft.plots.differences_figure(panels)
plt.show()
for form, title in forms.items():
    for line in by_form[form].itertuples():
        print(f"{title}, {names[line.Index]}: {line.mean:+.3f} ({line.low:+.3f} to {line.high:+.3f}), {line.said}")
assert set(by_form["frozen decoder"]["said"]) == {"confirmed"}
assert "confirmed" not in {*by_form["from scratch"]["said"], *by_form["photographs"]["said"]}
sixth = usft.verdicts(6)
for line in sixth[sixth["words"].str.startswith("first 4")].itertuples():
    print(f"claim 6, everything − first 4, {names[line.target]}: {line.mean:+.3f} "
          f"({line.low:+.3f} to {line.high:+.3f}), {line.said}")  # fmt: skip
usft.alt("for training everything, all intervals include 0; a frozen X-ray decoder is far better than a random one.")

# %% [markdown]
# ### Exercise 12.1 · Read the verdicts
#
# Set `helps`: on how many of the three data sets is a frozen *encoder* from X-rays *confirmed* to be better than a
# random one? And set `heads`: the upper end of the interval of *everything − scratch* on fetal heads (three digits).

# %%
# BEGIN SOLUTION a number from 0 to 3, and one end of an interval
helps = list(by_form["frozen encoder"]["said"]).count("confirmed")
heads = by_form["from scratch"].loc["hc18", "high"]
# Why: an upper end below 0.02 says that X-rays give no advantage that would matter.
# END SOLUTION

# %% tags=["reading"]
# @title Check 12.1
# BEGIN CHECK
usft.check(
    lambda: (int(helps), float(heads)),
    {
        "the encoder": (
            (),
            lambda r: r[0] == sum(word == "confirmed" for word in by_form["frozen encoder"]["said"]),
            "count the word 'confirmed' (without 'not') in the three lines of the frozen encoder.",
        ),
        "the heads": (
            (),
            lambda r: abs(r[1] - by_form["from scratch"]["high"]["hc18"]) < 6e-4,
            "the second number in brackets, everything − scratch, fetal heads.",
        ),
    },
    exercise="12.1",
)
# END CHECK

# %%
# BEGIN WRONG "count the word"
helps, heads = 3, by_form["from scratch"].loc["hc18", "high"]
# END WRONG
# BEGIN WRONG "second number in brackets"
helps, heads = 1, by_form["from scratch"].loc["hc18", "low"]
# END WRONG
# BEGIN RIGHT
helps, heads = 1.0, round(by_form["from scratch"].loc["hc18", "high"], 3)
# END RIGHT

# %% [markdown]
# Write one sentence: what is pretraining on X-rays good for? Then open the points.
#
# <details><summary>Points to look for</summary>
#
# * If everything is trained, X-rays are not shown to help, on any of the three sets. On heads, with 40 images, the
#   interval leaves no room for an advantage of 0.02.
# * X-rays are not shown to be better than photographs of horses, on either of the two sets that were tried.
# * On heads, training first 4 is as good as training everything, to within 0.02 (claim 6 is *confirmed*). So is
#   starting from scratch.
# * A frozen *decoder* must be good: one from X-rays is far better than a random one. For the encoder this is shown on
#   lesions only. So in comparisons of frozen halves, ask what the frozen half is.
# </details>
#
# ## And if X-rays are the target?
#
# If the first layers win whatever the new task is, then ultrasound is not the reason. So the study also went from
# photographs to X-rays. Dice of different tasks cannot be compared, so it uses a share of what training everything
# gains. For example: untouched 0.30, everything 0.90, so the whole gain is 0.60. If first 4 has 0.84 and last 4 has
# 0.78, they are 0.06 apart, a share of 0.1. **Claim 2:** this share is larger on ultrasound than on X-rays.

# %% tags=["fold", "study"]
# @title Print the verdict on claim 2
# NBVAL_CHECK_OUTPUT
second = usft.verdicts(2)
for line in second.itertuples():
    print(f"{line.target}: {line.mean:+.3f} of the gap ({line.low:+.3f} to {line.high:+.3f}), {line.said}")
assert set(second["said"]) == {"undecided"} and (second["low"] < 0).all()
print("both intervals include 0: we cannot tell")
first = usft.verdicts(1)
for line in first[first["words"].str.contains("from photographs")].itertuples():
    print(f"first 4 − last 4 from photographs, {names[line.target]}: {line.mean:+.3f} "
          f"({line.low:+.3f} to {line.high:+.3f}), {line.said}")  # fmt: skip

# %% [markdown]
# <details><summary>What would it take to decide claim 2?</summary>
#
# By the width of the intervals: on heads ten times as many trainings and subjects, on lesions more than a hundred
# times. (Shenzhen is the set of X-rays.) The last two lines start from photographs: on heads first 4 is ahead, too, but
# its mean is below 0.02, and the interval is not; on lesions we cannot tell.
# </details>
#
# ## Does the choice matter more with few images?
#
# **Claim 9** says so. The obvious number is the best of four minus the worst. But as in lesson 09, the best is partly
# lucky and the worst partly unlucky. With ten images luck is larger, so the gap would grow even between equal
# strategies. The remedy: **the other seeds choose** the best and the worst, and **the seed that was left out says by
# how much** they differ.
#
# ### Exercise 12.2 · An honest spread
#
# `dice` is an array with a row for each strategy and a column for each seed. For each seed: let the means over the
# *other* seeds choose the best and the worst strategy. Take their difference in the seed that was left out. Return the
# mean of these differences.
#
# <details><summary>Hint 1</summary>
#
# `np.delete(dice, seed, axis=1)` is the array without one column.
# </details>
# <details><summary>Hint 2</summary>
#
# `.argmax()` and `.argmin()` of the means give two rows. Their difference may be negative; keep the sign.
# </details>

# %%
def honest_spread(dice):
    """Best minus worst, chosen by the other seeds, measured in the seed left out."""
    # BEGIN SOLUTION for each seed: choose by the others, measure in the seed itself
    apart = []
    for seed in range(dice.shape[1]):
        others = np.delete(dice, seed, axis=1).mean(axis=1)
        best, worst = others.argmax(), others.argmin()
        apart.append(dice[best, seed] - dice[worst, seed])
    return np.mean(apart)
    # Why: a seed that helped to choose the winner would count its own luck.
    # END SOLUTION


# %%
# @title Check 12.2
# BEGIN CHECK
usft.check(
    honest_spread,
    {
        "a plain gap": (
            (np.array([[0.7] * 4, [0.9] * 4, [0.8] * 4]),),
            0.2,
            "rows are strategies, columns are seeds; with every seed the second is 0.2 above the first.",
        ),
        "every seed has its turn": (
            (np.array([[0.9, 0.9, 0.9, 0.9], [0.8, 0.8, 0.8, 0.6]]),),
            0.15,
            "each seed is left out once; the differences are 0.1, 0.1, 0.1 and 0.3, and their mean counts.",
        ),
        "a lucky seed": (
            (np.array([[0.80, 0.80, 0.80, 0.80], [0.78, 0.78, 0.78, 0.98], [0.70, 0.70, 0.70, 0.70]]),),
            0.085,
            "the last seed made the second row look best. It may not choose that row and measure it as well: the "
            "others choose, and the seed left out only measures.",
        ),
        "an unlucky seed": (
            (np.array([[0.80, 0.80, 0.80, 0.80], [0.78, 0.78, 0.78, 0.58], [0.72, 0.72, 0.72, 0.72]]),),
            0.035,
            "the worst must be chosen by the other seeds, too, and not only the best.",
        ),
        "equal but for luck": (
            (np.array([[0.9, 0.8, 0.8], [0.8, 0.9, 0.8], [0.8, 0.8, 0.9]]),),
            -0.1,
            "each was lucky once, and never where the others had chosen it. The spread may be negative: keep its sign.",
        ),
    },
    exercise="12.2",
)
# END CHECK

# %%
# BEGIN WRONG "only measures"
def honest_spread(dice):
    means = np.mean(dice, axis=1)
    return means.max() - means.min()
# END WRONG
# BEGIN WRONG "their mean counts"
def honest_spread(dice):
    others = dice[:, :-1].mean(axis=1)
    return dice[others.argmax(), -1] - dice[others.argmin(), -1]
# END WRONG
# BEGIN WRONG "only measures"
def honest_spread(dice):
    return np.mean(np.max(dice, axis=0) - np.min(dice, axis=0))
# END WRONG
# BEGIN WRONG "columns are seeds"
def honest_spread(dice):
    apart = []
    for row in range(len(dice)):
        others = np.delete(dice, row, axis=0).mean(axis=0)
        apart.append(dice[row, others.argmax()] - dice[row, others.argmin()])
    return np.mean(apart)
# END WRONG
# BEGIN WRONG "only measures"
def honest_spread(dice):
    apart = []
    for seed in range(dice.shape[1]):
        others = np.delete(dice, seed, axis=1).mean(axis=1)
        apart.append(others.max() - others.min())
    return np.mean(apart)
# END WRONG
# BEGIN WRONG "chosen by the other seeds, too"
def honest_spread(dice):
    apart, lowest = [], dice.mean(axis=1).argmin()
    for seed in range(dice.shape[1]):
        others = np.delete(dice, seed, axis=1).mean(axis=1)
        apart.append(dice[others.argmax(), seed] - dice[lowest, seed])
    return np.mean(apart)
# END WRONG
# BEGIN WRONG "chosen by the other seeds, too"
def honest_spread(dice):
    apart = []
    for seed in range(dice.shape[1]):
        others = np.delete(dice, seed, axis=1).mean(axis=1)
        apart.append(dice[others.argmax(), seed] - dice[:, seed].min())
    return np.mean(apart)
# END WRONG
# BEGIN WRONG "keep its sign"
def honest_spread(dice):
    apart = []
    for seed in range(dice.shape[1]):
        others = np.delete(dice, seed, axis=1).mean(axis=1)
        apart.append(abs(dice[others.argmax(), seed] - dice[others.argmin(), seed]))
    return np.mean(apart)
# END WRONG
# BEGIN RIGHT
def honest_spread(dice):
    dice = torch.as_tensor(dice)
    others = (dice.sum(1, keepdim=True) - dice) / (dice.shape[1] - 1)
    chosen = [dice.gather(0, pick[None])[0] for pick in (others.argmax(0), others.argmin(0))]
    return (chosen[0] - chosen[1]).mean()
# END RIGHT
# BEGIN RIGHT
def honest_spread(dice):
    rows, seeds, total = dice.tolist(), range(len(dice[0])), 0.0
    for seed in seeds:
        rank = sorted(range(len(rows)), key=lambda r: sum(rows[r][k] for k in seeds if k != seed))
        total += rows[rank[-1]][seed] - rows[rank[0]][seed]
    return total / len(seeds)
# END RIGHT
# BEGIN RIGHT
def honest_spread(dice):
    import pandas as pd

    table = pd.DataFrame(dice)
    left = [table[s] for s in table]
    means = [table.drop(columns=s).mean(axis=1) for s in table]
    return sum(one[m.idxmax()] - one[m.idxmin()] for one, m in zip(left, means, strict=True)) / len(left)
# END RIGHT

# %% tags=["fold", "study"]
# @title The obvious gap, the honest one, and your guess
four = ("first 2", "first 4", "last 2", "last 4")
plain = {n: max(table[name, n] for name in four) - min(table[name, n] for name in four) for n in (10, 160)}
print(f"best − worst: {plain[10]:.3f} at n = 10, {plain[160]:.3f} at n = 160, {plain[10] - plain[160]:+.3f}")
ninth = usft.verdicts(9).iloc[0]
print(f"claim 9, honestly: {ninth['mean']:+.3f} ({ninth['low']:+.3f} to {ninth['high']:+.3f}), {ninth['said']}")
print("your guess:", usft.guesses().get("12.a", "none"))
assert ninth["said"] == "not confirmed" and ninth["mean"] < 0
print("the mean of the gap is smaller with fewer images, and the interval ends below 0.02: not confirmed")
print("here both numbers agree, because the same strategies are best and worst in nearly every seed")

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
On heads, first 4 with 40 images has a Dice of 0.94, the mean shape 0.80. A colleague concludes: "X-ray features
transfer well." Which comparison is missing?

- [ ] The untouched network.
  It is worse than the mean shape. That says nothing about its layers.
- [x] Training from scratch.
  It has 0.95 with the same images. Without it, one cannot know what the X-rays did.
- [ ] A larger network.
  That is another question.
""")

# %%
# @title Question 2
usft.Quiz("""
A study freezes a **random** decoder, trains the encoder, and finds that this is worse than the reverse. What does it
show about pretrained decoders?

- [x] Nothing: a random half is a handicap of its own.
  In our study a frozen X-ray decoder is far better than a random one. It is another experiment.
- [ ] That decoders should be trained.
  Random decoders should. Pretrained ones are another case.
- [ ] That encoders learn faster.
  Nobody measured the speed.
""")

# %%
# @title Question 3
usft.Quiz("""
Four strategies are exactly equal, and there is noise. What is the expected gap between the best and the worst mean?
(From lesson 09.)

- [ ] 0, because they are equal.
  The highest of four noisy numbers is above the truth, the lowest below.
- [x] More than 0, and the more noise, the larger.
  So compare gaps only after the luck is taken out.
- [ ] Negative.
  The best minus the worst is never negative.
""")

# %% [markdown]
# ## What this does not show
#
# * **Other sources.** Our photographs are 328 horses. The usual source is a million pictures of all kinds.
# * **Harder tasks.** Heads are easy: with ten images Dice is above 0.9. On a harder task pretraining may help more.
# * **Few steps.** With fewer steps, a network from scratch has less time. Your own four trainings are such a case.
# * **Other rates.** The learning rate was chosen for training everything from X-rays. Scratch and photographs used it,
#   too.
# * **Frozen halves alone.** The random half has statistics of the new images, the X-ray half those of X-rays.

# %% [markdown]
# ## Recap
#
# * Always train from scratch, too. Without it you cannot say that pretraining helped.
# * Say what a frozen half is: pretrained on what, or random.
# * Choose the winner on some seeds, and measure on one that played no part.
#
# ## Try it alone
#
# Repeat the four trainings with 50 steps, and with 600. From how many steps on does scratch catch up?

# %% [markdown]
# ## Further reading
#
# * Raghu and others, "Transfusion", 2019, [arXiv 1902.07208](https://arxiv.org/abs/1902.07208): what transfer gives in
#   medical images.
# * Karimi and others, "Transfer learning in medical image segmentation", 2021: mostly it saves time.
