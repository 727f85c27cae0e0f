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
import pandas as pd

import usft_lib as usft

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": five trainings, longer
SEEDS = [0, 1, 2, 3, 4] if PROFILE == "full" else [0]
SIZE = 96  # pixels a side
STEPS = 300 if PROFILE == "full" else 200
LR = 3e-3  # learning rate
FETCH = usft.in_colab()  # fetal heads (hc18): 100 MB, CC BY 4.0

# %% [markdown]
# Lesson 00 began with two questions. *How big is this head?* *Is this lump solid?* So far most images were simulated.
# Now they are real. HC18 shows heads of unborn children, and a sonographer has measured each of them. So we may ask as
# a doctor would: **by how many millimetres is the measurement off?**
#
# ## Guess first
#
# The **head circumference**, the length around the head, is between 50 and 350 mm here. A network draws the head with a
# Dice of more than 0.9. **By how many millimetres is the circumference off, for the typical (median) head?**

# %%
usft.guess("10.a", ...)  # millimetres off, for the typical head

# %% [markdown]
# ## From a mask to millimetres
#
# A head in this plane is nearly an ellipse. The library fits one (`usft.head_circumference_mm`). It computes both axes
# from how widely the mask's pixels spread, and from the axes the circumference.
#
# The subjects are **examinations**. A woman may have been examined twice, so she may be on both sides of our split; the
# data do not say. Even the masks that experts drew do not give exactly the sonographer's number, at our size. So a
# perfect mask has this error, too.
#
# (On your own computer, simulated lesions stand in for the heads until you set `FETCH = True` above.)

# %% tags=["train"]
data = usft.load("hc18", size=SIZE, otherwise="sim-ultrasound", large=FETCH)
source = usft.pretrained("xray-simulated" if data.stand_in else "xray")
pool, _, rest = data.split(0.6, 0.1, 0.3, seed=0)
test = rest.subset(min(160, len(set(rest.subjects))), seed=0)  # one image a subject

# %% tags=["fold"]
# @title Compare the true masks with the measured numbers
by_expert = usft.head_circumference_mm(test.masks, test.spacing_mm)
true_mm = by_expert if data.stand_in else test.extra["circumference_mm"].float()
expert_off = (by_expert - true_mm).abs()
floor = float(expert_off.median())
print(data)
who = "the simulation's" if data.stand_in else "experts'"
print(f"{len(test)} images to test on; {who} masks are off by {floor:.1f} mm (median; mean {expert_off.mean():.1f})")
if data.stand_in:
    print("Simulated lesions: the numbers below say nothing about real people. For heads, set FETCH = True above.")

# %% [markdown]
# ## Three strategies on heads
#
# Each learns from forty images. *Contracting* trains `enc1` to `enc4`, *expanding* `dec4` to `dec1` and the output
# layer.

# %% tags=["train"]
strategies = {
    "everything": list(usft.groups(source)),
    "contracting": usft.contracting(source),
    "expanding": usft.expanding(source),
}

# %% tags=["train"]
models, tables = {}, {name: [] for name in strategies}
for seed in SEEDS:
    train = pool.subset(40, seed=seed)
    for name, groups in strategies.items():
        models[name] = usft.train_only(deepcopy(source), groups)
        usft.fit(models[name], train, steps=STEPS, lr=LR, seed=seed, progress=False)
        scores = usft.evaluate(models[name], test)
        masks = usft.segment(models[name], test.images)
        measured = usft.head_circumference_mm(masks, test.spacing_mm).nan_to_num(0)
        scores["off_mm"] = (measured - true_mm).abs().numpy()
        tables[name].append(scores)

# %% tags=["train", "curves", "fold"]
# @title Print the table, and draw how many heads are measured how well
off = {name: np.concatenate([table["off_mm"] for table in each]) for name, each in tables.items()}
rows = {}
for name, each in tables.items():
    s = usft.summarise(pd.concat(each))
    rows[name] = {"Dice": s["dice"], "missed": s["failures"]}
    rows[name] |= {"median mm": np.median(off[name]), "mean mm": off[name].mean()}
shape = usft.summarise(usft.score(usft.mean_shape(train), test))
rows["mean shape"] = {"Dice": shape["dice"], "missed": shape["failures"]}
print(pd.DataFrame(rows).T.round(3).to_string())
usft.plots.within_figure(off, floor, f"How far off is the circumference? ({data.name})")
plt.show()
print(f"everything, median: {np.median(off['everything']):.1f} mm; your guess: {usft.guesses().get('10.a', 'none')}")
within = {name: (values <= 5).mean() for name, values in off.items()}
usft.check_range(rows["everything"]["Dice"], 0.4 if data.stand_in else 0.85, 0.98, "Dice of everything")
usft.alt("within 5 mm: " + ", ".join(f"{name} {share:.0%}" for name, share in within.items()) + ".")

# %% [markdown]
# (An empty mask gives 0 mm, so its error is the whole circumference. The mean shape has only one size, so its
# millimetres are left out.) Compare median and mean. The median is the head in the middle. The mean also counts the few
# that went badly wrong. *Missed* is the share of images with a Dice below 0.1. Below are the two heads that *expanding*
# finds hardest.

# %% tags=["train", "real-image", "fold"]
# @title Draw the two hardest heads
worst = tables["expanding"][-1]["dice"].to_numpy().argsort()[:2].tolist()
panels = []
for k in worst:
    for name, model in models.items():
        title = f"{name}: {tables[name][-1]['off_mm'][k]:.0f} mm off"
        panels.append((title, test.images[k], test.masks[k], usft.segment(model, test.images[k : k + 1])[0]))
usft.plots.pictures_figure(panels, columns=3, title=f"White dashes: the true mask. Orange: the network ({data.name})")
plt.show()
usft.alt("a row a head, a column a strategy; the worst case of one need not be the worst of another.")

# %% [markdown]
# ## How sure is the difference?
#
# Both halves were tested on the same heads, so we subtract head by head (lesson 08). How far would the mean difference
# move with other heads? Draw subjects again, as in lesson 03.
#
# ### Exercise 10.1 · The paired bootstrap
#
# `a` and `b` are NumPy arrays with the Dice of two strategies, one number for each image. `subjects` says whose image
# it is. Return `(mean, low, high)`: the mean of a − b over **subjects**, and the 2.5 % and 97.5 % quantile of this mean
# over `draws` random draws of subjects, with replacement. A subject counts once, however many images it has.
#
# <details><summary>Hint 1</summary>
#
# `pd.Series(a - b).groupby(np.asarray(subjects)).mean()` has one number for each subject.
# </details>
# <details><summary>Hint 2</summary>
#
# `rng.integers(n, size=(draws, n))` draws n subjects, `draws` times. Then one mean for each row.
# </details>

# %%
def paired_bootstrap(a, b, subjects, draws=4000):
    """Mean of a − b over subjects, and its 95 % interval: (mean, low, high)."""
    # BEGIN SOLUTION difference by image, mean by subject, then draw subjects
    by_subject = pd.Series(np.asarray(a) - np.asarray(b)).groupby(np.asarray(subjects)).mean()
    values = by_subject.to_numpy()
    places = np.random.default_rng(0).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(values[places].mean(axis=1), [0.025, 0.975])
    return values.mean(), low, high
    # Why: images of one subject are alike, so only other subjects tell something new.
    # END SOLUTION


# %% tags=["long"]
# @title Check 10.1
# BEGIN CHECK
def like_ours(a, b, subjects):
    """Is an answer the interval of the library, but for what chance makes of two bootstraps?"""
    keys = {"image": range(len(a)), "subject": subjects}
    ours = usft.paired_difference(pd.DataFrame({**keys, "dice": a}), pd.DataFrame({**keys, "dice": b}), draws=20000)
    room = 0.05 * (ours[2] - ours[1])
    return lambda found: len(found) == 3 and max(abs(float(x) - y) for x, y in zip(found, ours, strict=True)) < room


chance = np.random.default_rng(9)
each = [f"s{k:03d}" for k in chance.permutation(120)]
hard = chance.normal(0.7, 0.15, 120)  # what both strategies share
a, b = hard + chance.normal(0.03, 0.05, 120), hard
ten = [f"s{k:02d}" for k in np.repeat(np.arange(20), 10)]
person = np.repeat(chance.normal(0, 0.1, 20), 10)
uneven = ["x"] * 60 + [f"y{k}" for k in range(60)]
tilted = np.r_[np.full(60, 0.5), chance.normal(0, 0.1, 60)]
few = np.array([-0.8, 0.1, 0.1, 0.1, 0.1, 0.1])  # a strategy that fails on one subject of six
usft.check(
    paired_bootstrap,
    {
        "the sign": (
            (a, b, each, 4000),
            lambda found: float(found[0]) > 0,
            "a is the better one here, so the mean of a − b is positive: mind which you subtract.",
        ),
        "the width is not that of two separate strategies": (
            (a, b, each, 4000),
            lambda found: float(found[2]) - float(found[1]) < 0.03,
            "far too wide. Take the difference image by image first, then draw; and the quantiles are those of the "
            "MEANS of the draws, not of the differences.",
        ),
        "one image a subject": (
            (a, b, each, 4000),
            like_ours(a, b, each),
            "near, but not a 95 % interval of the mean: cut off 2.5 % at each end, and draw with replacement.",
        ),
        "one of six goes wrong": (
            (few, np.zeros(6), list("abcdef"), 4000),
            lambda found: abs(float(found[1]) + 0.35) < 0.03 and abs(float(found[2]) - 0.10) < 0.03,
            "mean ± 1.96 errors is no bootstrap: take the quantiles of the drawn means, which are not symmetric here.",
        ),
        "one subject with half of all images": (
            (tilted, np.zeros(120), uneven, 4000),
            lambda found: abs(float(found[0]) - pd.Series(tilted).groupby(uneven).mean().mean()) < 1e-6,
            "a subject counts once: average its images first.",
        ),
        "ten images a subject": (
            (person, np.zeros(200), ten, 4000),
            like_ours(person, np.zeros(200), ten),
            "too narrow: images of one subject are not independent, so draw subjects, not images.",
        ),
    },
    exercise="10.1",
)
# END CHECK

# %%
# BEGIN WRONG "mind which you subtract"
def paired_bootstrap(a, b, subjects, draws=4000):
    d = pd.Series(np.asarray(b) - np.asarray(a)).groupby(np.asarray(subjects)).mean().to_numpy()
    means = d[np.random.default_rng(0).integers(len(d), size=(draws, len(d)))].mean(1)
    return d.mean(), *np.quantile(means, [0.025, 0.975])
# END WRONG
# BEGIN WRONG "Take the difference image by image first"
def paired_bootstrap(a, b, subjects, draws=4000):
    r = np.random.default_rng(0)
    x, y = (pd.Series(np.asarray(v)).groupby(np.asarray(subjects)).mean().to_numpy() for v in (a, b))
    n = len(x)
    means = x[r.integers(n, size=(draws, n))].mean(1) - y[r.integers(n, size=(draws, n))].mean(1)
    return x.mean() - y.mean(), *np.quantile(means, [0.025, 0.975])
# END WRONG
# BEGIN WRONG "MEANS of the draws"
def paired_bootstrap(a, b, subjects, draws=4000):
    d = pd.Series(np.asarray(a) - np.asarray(b)).groupby(np.asarray(subjects)).mean().to_numpy()
    return d.mean(), *np.quantile(d, [0.025, 0.975])
# END WRONG
# BEGIN WRONG "2.5 % at each end"
def paired_bootstrap(a, b, subjects, draws=4000):
    d = pd.Series(np.asarray(a) - np.asarray(b)).groupby(np.asarray(subjects)).mean().to_numpy()
    means = d[np.random.default_rng(0).integers(len(d), size=(draws, len(d)))].mean(1)
    return d.mean(), *np.quantile(means, [0.05, 0.95])
# END WRONG
# BEGIN WRONG "draw with replacement"
def paired_bootstrap(a, b, subjects, draws=4000):
    d = pd.Series(np.asarray(a) - np.asarray(b)).groupby(np.asarray(subjects)).mean().to_numpy()
    r = np.random.default_rng(0)
    means = [r.permutation(d).mean() for _ in range(200)]
    return d.mean(), *np.quantile(means, [0.025, 0.975])
# END WRONG
# BEGIN WRONG "average its images first"
def paired_bootstrap(a, b, subjects, draws=4000):
    d = np.asarray(a) - np.asarray(b)
    means = d[np.random.default_rng(0).integers(len(d), size=(draws, len(d)))].mean(1)
    return d.mean(), *np.quantile(means, [0.025, 0.975])
# END WRONG
# BEGIN WRONG "draw subjects, not images"
def paired_bootstrap(a, b, subjects, draws=4000):
    d = np.asarray(a) - np.asarray(b)
    mean = pd.Series(d).groupby(np.asarray(subjects)).mean().mean()
    means = d[np.random.default_rng(0).integers(len(d), size=(draws, len(d)))].mean(1)
    return mean, *np.quantile(means, [0.025, 0.975])
# END WRONG
# BEGIN RIGHT
def paired_bootstrap(a, b, subjects, draws=4000):
    by = {}
    for x, y, s in zip(a, b, subjects, strict=True):
        by.setdefault(s, []).append(x - y)
    d = np.array([sum(v) / len(v) for v in by.values()])
    r = np.random.default_rng(5)
    means = sorted(float(np.mean(r.choice(d, len(d)))) for _ in range(draws))
    return d.mean(), means[int(0.025 * draws)], means[int(0.975 * draws)]
# END RIGHT
# BEGIN RIGHT
def paired_bootstrap(a, b, subjects, draws=4000):
    import torch

    names, which = np.unique(subjects, return_inverse=True)
    d = torch.tensor(np.bincount(which, np.subtract(a, b)) / np.bincount(which))
    g = torch.Generator().manual_seed(3)
    means = d[torch.randint(len(d), (draws, len(d)), generator=g)].mean(1)
    return d.mean(), means.quantile(0.025), means.quantile(0.975)
# END RIGHT
# BEGIN RIGHT
def paired_bootstrap(a, b, subjects, draws=4000):
    table = pd.DataFrame({"d": np.array(a) - np.array(b), "s": subjects}).groupby("s")["d"].mean()
    weights = np.random.default_rng(1).multinomial(len(table), np.full(len(table), 1 / len(table)), draws)
    means = weights @ table.to_numpy() / len(table)
    return float(table.mean()), np.percentile(means, 2.5), np.percentile(means, 97.5)
# END RIGHT
# BEGIN WRONG "is no bootstrap"
def paired_bootstrap(a, b, subjects, draws=4000):
    d = pd.Series(np.asarray(a) - np.asarray(b)).groupby(np.asarray(subjects)).mean()
    half = 1.96 * d.std() / len(d) ** 0.5
    return d.mean(), d.mean() - half, d.mean() + half
# END WRONG
# BEGIN WRONG "draw subjects, not images"
def paired_bootstrap(a, b, subjects, draws=4000):
    d, who = np.asarray(a) - np.asarray(b), np.asarray(subjects)
    weight = 1 / pd.Series(who).map(pd.Series(who).value_counts()).to_numpy()
    rng = np.random.default_rng(0)
    means = [np.average(d[k], weights=weight[k]) for k in rng.integers(len(d), size=(draws // 4, len(d)))]
    return pd.Series(d).groupby(who).mean().mean(), *np.quantile(means, [0.025, 0.975])
# END WRONG

# %% tags=["train", "fold"]
# @title The difference of the two halves, in Dice and in millimetres
mean, low, high = usft.seed_difference(tables["expanding"], tables["contracting"], "off_mm")
print(f"millimetres off, expanding − contracting: {mean:+.1f} ({low:+.1f} to {high:+.1f})")
mean, low, high = usft.seed_difference(tables["contracting"], tables["expanding"])
print(f"Dice, contracting − expanding: {mean:+.3f} ({low:+.3f} to {high:+.3f})")
print("verdict:", usft.verdict(mean, low, high, seeds=len(SEEDS), stand_in=test.stand_in))

# %% [markdown]
# Both are above 0 where contracting is the better one. With one training there is no verdict: it says nothing of other
# trainings (lesson 08).
#
# ## The study on real people
#
# Here is what the study says on heads and on breast lesions: ten trainings of each half for claim 1, five of each
# strategy for claim 3. In lesson 00 you sealed a guess about the heads (00.b). Beside claim 1 is another way to
# normalise, in which the statistics of frozen layers still adapt. *Claim 12* asks whether a strategy that is good on
# one set is good on the other. **Kendall's τ** is 1 for the same order, 0 for none, −1 for the reverse.

# %% tags=["fold", "study", "curves"]
# @title Draw claims 1 and 3 on real people, and open guess 00.b
names = {"hc18": "fetal heads", "busi": "breast lesions"}
told = usft.verdicts(1, 3)
told = told[~told["secondary"] & told["target"].isin(names)]
panels = {title: {names[line.target]: (line.mean, line.low, line.high)
                  for line in told[told["claim"] == claim].itertuples()}
          for claim, title in {1: "claim 1: first 4 − last 4", 3: "claim 3: first k − last k"}.items()}  # fmt: skip
usft.plots.differences_figure(panels)
plt.show()
for line in told.itertuples():
    interval = f"{line.mean:+.3f} ({line.low:+.3f} to {line.high:+.3f})"
    print(f"claim {line.claim}, {names[line.target]}: {interval}, {line.said}")
heads = told[(told["claim"] == 1) & (told["target"] == "hc18")].iloc[0]
print(f"00.b, contracting − expanding on heads: {heads['mean']:+.3f}; your guess: {usft.guesses().get('00.b', 'none')}")
beside = usft.verdicts(1)
beside = beside[(beside["target"] == "busi") & beside["words"].str.contains("statistics that adapt")].iloc[0]
print(f"beside claim 1, {names['busi']}, frozen layers with adapting statistics: {beside['mean']:+.3f} "
      f"({beside['low']:+.3f} to {beside['high']:+.3f}), {beside['said']}")  # fmt: skip
alike = usft.verdicts(12)
alike = alike[~alike["secondary"] & (alike["target"] == "busi and hc18")].iloc[0]
print(f"claim 12, the two sets rank strategies alike: τ {alike['mean']:.2f} "
      f"({alike['low']:.2f} to {alike['high']:.2f}), {alike['said']}")  # fmt: skip
assert set(told[told["target"] == "hc18"]["said"]) == {"reproduced"}
assert set(told[told["target"] == "busi"]["said"]) == {"undecided"} and beside["mean"] < 0
usft.alt("for fetal heads both intervals lie above 0; for breast lesions both include 0.")

# %% [markdown]
# <details><summary>What came out, and what it means</summary>
#
# On heads, claims 1 and 3 are *reproduced*. On lesions they are *undecided*: the mean has the same sign, but 85
# lesions are too few, as we knew before the first training. With adapting statistics the mean is even below 0 there;
# the two intervals are too wide to tell whether this matters. And this copy of BUSI has no patient numbers. So its
# subjects are images (near-copies count as one), not people, and its intervals contain the truth only 85 to 95 times in
# 100. *Claim 12* is *confirmed*; its rule was changed after the first results, to compare equal numbers of groups.
# </details>
#
# ## Many claims at once
#
# The study asks many questions. Even if nothing were true, some would seem to be. Suppose that 20 claims are all false,
# and each is tested by itself, with a rule that is wrong in 5 of 100 cases.

# %%
# NBVAL_CHECK_OUTPUT
print(f"at least one of 20 seems to be true in {1 - 0.95**20:.0%} of such studies")

# %% [markdown]
# A **p-value** says: if there were no difference, how often would chance give one at least as large? The **Holm
# correction** makes up for many questions. Sort the m p-values. The smallest must be at most 0.05 / m, the next at most
# 0.05 / (m − 1), and so on. Stop at the first that is too large: it and all larger ones do not count.
#
# ### Exercise 10.2 · Holm
#
# Write `holm(p)`: for a list of p-values, a list of `True` (counts) or `False`, in the order of the list.
#
# <details><summary>Hint 1</summary>
#
# `np.argsort(p)` gives the places from the smallest to the largest.
# </details>
# <details><summary>Hint 2</summary>
#
# Start with `False` for all. Go along these places and set `True`, until one is too large.
# </details>

# %%
def holm(p):
    """For each p-value whether it counts at 0.05, after Holm's correction."""
    # BEGIN SOLUTION from the smallest on; stop at the first that is too large
    counts = [False] * len(p)
    for done, place in enumerate(np.argsort(p)):
        if p[place] > 0.05 / (len(p) - done):
            break
        counts[place] = True
    return counts
    # Why: the more questions, the stronger each answer must be.
    # END SOLUTION


# %%
# @title Check 10.2
# BEGIN CHECK
def are(*wanted):
    return lambda found: [bool(each) for each in found] == list(wanted)


usft.check(
    holm,
    {
        "one claim": (([0.04],), are(True), "with one claim the limit is 0.05 itself."),
        "two, both small": (([0.02, 0.04],), are(True, True), "compare the second with 0.05 / 1, not 0.05 / 2."),
        "two, one too large": (([0.03, 0.06],), are(False, False), "0.03 is above 0.05 / 2: stop, nothing counts."),
        "stop": (
            ([0.001, 0.02, 0.0245, 0.2],),
            are(True, False, False, False),
            "after the first that is too large, no other counts.",
        ),
        "not sorted": (([0.04, 0.001, 0.03],), are(False, True, False), "give the answers in the order of the list."),
        "just the limit": (([0.025, 0.05],), are(True, True), "at most: a p-value that equals its limit counts."),
    },
    exercise="10.2",
)
# END CHECK

# %%
# BEGIN WRONG "not 0.05 / 2"
def holm(p):
    return [each <= 0.05 / len(p) for each in p]
# END WRONG
# BEGIN WRONG "stop, nothing counts"
def holm(p):
    return [each <= 0.05 for each in p]
# END WRONG
# BEGIN WRONG "in the order of the list"
def holm(p):
    counts, going = [], True
    for done, each in enumerate(sorted(p)):
        going = going and each <= 0.05 / (len(p) - done)
        counts.append(going)
    return counts
# END WRONG
# BEGIN WRONG "no other counts"
def holm(p):
    order = np.argsort(np.argsort(p))
    return [each <= 0.05 / (len(p) - place) for each, place in zip(p, order, strict=True)]
# END WRONG
# BEGIN WRONG "equals its limit"
def holm(p):
    counts = [False] * len(p)
    for done, place in enumerate(np.argsort(p)):
        if p[place] >= 0.05 / (len(p) - done):
            break
        counts[place] = True
    return counts
# END WRONG
# BEGIN RIGHT
def holm(p):
    p = np.asarray(p)
    order = p.argsort()
    small = p[order] <= 0.05 / np.arange(len(p), 0, -1)
    counts = np.zeros(len(p), dtype=bool)
    counts[order] = np.logical_and.accumulate(small)
    return counts
# END RIGHT
# BEGIN RIGHT
def holm(p):
    adjusted = {}
    largest = 0
    for done, (value, place) in enumerate(sorted((v, k) for k, v in enumerate(p))):
        largest = max(largest, value * (len(p) - done))
        adjusted[place] = largest
    return tuple(adjusted[k] <= 0.05 for k in range(len(p)))
# END RIGHT
# BEGIN RIGHT
def holm(p):
    ranks = sorted(p)
    fails = [value for done, value in enumerate(ranks) if value > 0.05 / (len(p) - done)]
    return [not fails or value < fails[0] for value in p]
# END RIGHT

# %% [markdown]
# What does Holm leave of the whole study?

# %% tags=["fold", "study"]
# @title Correct all lines that decide a claim
# NBVAL_CHECK_OUTPUT
every = usft.verdicts()
deciding = every[every["p_all"].notna()]
differ = deciding[deciding["said"].isin(["reproduced", "confirmed", "reversed"]) & (deciding["claim"] != 6)]
remain = differ[differ["p_all"] < 0.05]
print(f"{len(deciding)} lines decide a claim, {len(differ)} show a difference, {len(remain)} remain after Holm:")
for line in remain.itertuples():
    print(f"  claim {line.claim}, {line.target}")
kept = set(zip(remain["claim"], remain["target"], strict=True))
assert kept >= {(1, "hc18"), (3, "hc18")} and (1, "sim-ultrasound") not in kept and 12 not in set(remain["claim"])
print("The study judges each line by itself; none of its words depends on this correction.")

# %% [markdown]
# <details><summary>And the claims that do not remain?</summary>
#
# (A line is one claim on one data set.) They are supported by their own line only, and one or more of them may be
# chance. Among them are claim 1 on simulated breasts and claim 12. (Claim 15 compares other ways of training.)
# These p-values are computed from the width of the intervals. With three to ten trainings they are cautious: not to
# remain does not mean to be false.
# </details>
#
# The p-values above are computed from our intervals, so other trainings are in them. Here is a p-value without them.
# **Claim 4** of lesson 09 says that outer levels (near the image, on both sides of the U) are better than inner ones.
# On fetal heads:

# %%
# NBVAL_CHECK_OUTPUT
claim4 = usft.verdicts(4)
line = claim4[(claim4["target"] == "hc18") & ~claim4["secondary"]].iloc[0]
print(f"mean {line['mean']:+.3f}, interval {line['low']:+.3f} to {line['high']:+.3f}")
p = min(1, 3 * line["p"])  # Holm: the smallest of three, one for each data set
print(f"p-value of a test on 160 heads (Wilcoxon's), after Holm: {p:.0e}")

# %% [markdown]
# ### Exercise 10.3 · Read a strange case
#
# Does the interval agree with the p-value? Set `word`, the study's word for this claim on heads, by the rule of lesson
# 08 (the claim is ours, so *confirmed*, *reversed*, *not confirmed* or *undecided*). And set `end`, the end of the
# interval that makes it include 0.

# %%
# BEGIN SOLUTION a word, and one end of the interval
word = usft.reading(line["mean"], line["low"], line["high"], yes="confirmed")
end = line["low"]
# Why: the p-value asks about other heads only; the interval also covers other trainings.
# END SOLUTION

# %% tags=["reading"]
# @title Check 10.3
# BEGIN CHECK
usft.check(
    lambda: (str(word), float(end)),
    {
        "the word": ((), lambda r: r[0] == line["said"], "is the whole interval above 0? Does it end below 0.02?"),
        "the end": ((), lambda r: abs(r[1] - line["low"]) < 6e-4, "which end lies on the wrong side of 0?"),
    },
    exercise="10.3",
)
# END CHECK

# %%
# BEGIN WRONG "above 0? Does it end"
word, end = "confirmed", line["low"]
# END WRONG
# BEGIN WRONG "on the wrong side"
word, end = line["said"], line["high"]
# END WRONG
# BEGIN RIGHT
word, end = "undecided", round(line["low"], 3)
# END RIGHT

# %% [markdown]
# Write one sentence: how can both be true? Then open the points.
#
# <details><summary>Three points to look for</summary>
#
# * The test looks at the mean over the five trainings of each *head*. Without a difference, such values on 160 heads
#   would be very rare. (It also compares ranks, not means.)
# * The interval also asks what other *trainings* would give. With five, this is not sure.
# * No correction for many claims helps if the test asks the wrong question.
# </details>

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
You test on ten frames of each examination, and draw images in the bootstrap. The interval shrinks to a third. What did
you gain?

- [ ] Ten times the images: a factor of √10.
  This would be right if the ten frames were ten examinations.
- [ ] Less noise in the score of each head.
  Frames are nearly alike. And the interval must cover other examinations, of which there are no more than before.
- [x] Nothing but false confidence.
  Average the frames first, then draw examinations.
""")

# %%
# @title Question 2
usft.Quiz("""
A strategy has the better mean Dice, and the larger mean error in millimetres. How can that be?

- [x] Some of its masks have a small spot far away.
  It costs few pixels. But the ellipse is fitted by squared distances, so it grows much.
- [ ] Dice is computed in pixels, not in millimetres.
  This is true for both strategies, so it cannot turn their order.
- [ ] One of the two was computed wrongly.
  Both can be right. They ask different questions.
""")

# %%
# @title Question 3
usft.Quiz("""
A network has a Dice of 0.80 on heads. Is that good? (From lesson 01.)

- [ ] Yes: it is close to 1.
  Compared with what?
- [x] Compare it with the mean shape, which never looks at an image.
  Heads lie near the middle of the picture, so one fixed mask already has a high Dice.
- [ ] No: below 0.9 is useless.
  It depends on the task, and on what costs nothing.
""")

# %% [markdown]
# ## What this does not show
#
# * **The clinic.** Forty training images, small pictures, no check of the plane. Nothing here is for diagnosis.
# * **Small differences on lesions.** Eighty-five lesions cannot decide them.
# * **The paper's numbers.** Its settings and scores are not known to us; this is *our reconstruction*.

# %% [markdown]
# ## Recap
#
# * Ask the question of the user: millimetres, and how many cases go wrong.
# * Difference by image, mean by subject, then draw subjects.
# * Many claims need a correction. And the test must ask about all that may change: subjects and trainings.
#
# ## Try it alone
#
# Remove all but the largest connected part of each mask (`scipy.ndimage.label`). How much does the mean error in
# millimetres fall, and how much does Dice rise?

# %% [markdown]
# ## Further reading
#
# * van den Heuvel and others, "Automated measurement of fetal head circumference", 2018,
#   [doi 10.1371/journal.pone.0200412](https://doi.org/10.1371/journal.pone.0200412): HC18.
# * Al-Dhabyani and others, "Dataset of breast ultrasound images", 2020,
#   [doi 10.1016/j.dib.2019.104863](https://doi.org/10.1016/j.dib.2019.104863): BUSI.
# * Holm, "A simple sequentially rejective multiple test procedure", 1979, Scandinavian Journal of Statistics 6:65.
