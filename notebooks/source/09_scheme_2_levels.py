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
from IPython.display import display
from scipy.stats import spearmanr

import usft_lib as usft
from usft_lib.freezing import levels, named
from usft_lib.plots import COLOURS, MARKERS, STYLE, show_masks
from usft_lib.study.claims import ALONG, BY_LEVEL, cells, often_worst
from usft_lib.study.figures import LINES, LOOKS, against_k, intervals
from usft_lib.study.records import area

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": five seeds, more k, longer training
SEEDS = [0, 1, 2, 3, 4] if PROFILE == "full" else [0]
KS = [1, 2, 3, 4] if PROFILE == "full" else [2, 4]
SIZE = 96  # pixels a side
TRAINING_IMAGES = 40
TEST_IMAGES = 100
STEPS = 300 if PROFILE == "full" else 150
LR = 3e-3
print(f"profile {PROFILE}: {2 * len(KS) * len(SEEDS)} trainings of {STEPS} steps at {SIZE} × {SIZE} pixels")

# %% [markdown]
# Lesson 08 pulled the U-Net straight: nine steps in a row, shallow at the input, deep at the output. But a U-Net is
# folded. The mask at its end is an image as large as the one at its start, and the groups that draw it work on the same
# fine grid as those that look first. What if **shallow means near the image, on both sides**?
#
# That is the second of two definitions. The paper analysed two schemes from two definitions of shallow and deep; how it
# cut the network is not known to us. The levels below are *our reconstruction*.
#
# ## Predict first
#
# Our U-Net has five levels: four sizes of image on the way down, and the bottleneck. You may train the **two outer
# levels**, both sides of the U, or the **two inner ones**. **By how much Dice are the outer two ahead** on simulated
# breasts? (Below zero: they lose.) And **what share of all parameters**, in per cent, do the two outer levels hold?

# %%
usft.guess("09.a", ...)  # your guess: Dice of the outer two minus Dice of the inner two
usft.guess("09.b", ...)  # your guess, in per cent

# %% [markdown]
# ## Five levels
#
# Level 1 is everything at the full size of the image: `enc1`, `dec1` and the head. Every level further in has half the
# rows and columns, and twice the channels. Level 5 is the bottleneck.

# %%
net = usft.UNet(width=16, depth=4)
level = {name: k for k, groups in enumerate(levels(net), start=1) for name in groups}
usft.UNetDiagram(net, values=level, label="level", size=SIZE)

# %% [markdown]
# Look at the dashed lines, the skip connections. What `enc1` finds is read in two places: by `enc2`, one level down,
# and by `dec1`, straight across. A skip has a **writer** on the left and a **reader** on the right.
#
# * *first k* changes writers, and leaves the readers as X-rays made them.
# * *last k* changes readers, and leaves them the X-ray network's writing.
# * *outer k* changes both ends of the same skips.
#
# Should writer and reader learn together, then? It sounds convincing, and that is all. A story is not a result.
#
# ## Exercise 09.1: the inner levels
#
# Write `inner_levels(names, k)`: given the names of all groups in path order, return those of the `k` **innermost**
# levels, in path order. With k = 1 that is the bottleneck; one more level adds the encoder group and the decoder group
# next to it. The outermost level has the head in it, too.
#
# <details><summary>Hint 1</summary>
#
# Find the bottleneck in the list. Which slice around it belongs to k = 2?
# </details>
# <details><summary>Hint 2</summary>
#
# Where does the head stand in the list, and to which level does it belong? Try your slice on k = 5.
# </details>


# %%
def inner_levels(names, k):
    """Names of the groups in the k innermost levels, in path order."""
    # BEGIN SOLUTION give every name its level (the head: 1, the bottleneck: the last), and keep the k largest levels
    deepest = sum(name.startswith("enc") for name in names) + 1
    at = {name: int(name[3:]) for name in names if name[:3] in ("enc", "dec")} | {"head": 1, "bottleneck": deepest}
    return [name for name in names if at[name] > deepest - k]
    # END SOLUTION


# %%
# @title Check 09.1
# BEGIN CHECK
ten = list(usft.groups(net))
small = list(usft.groups(usft.UNet(width=4, depth=2)))  # enc1 enc2 bottleneck dec2 dec1 head
usft.check(
    inner_levels,
    {
        "one level": ((ten, 1), ["bottleneck"], "the innermost level is the bottleneck, alone."),
        "two": ((ten, 2), ["enc4", "bottleneck", "dec4"], "one group more on each side, and in path order."),
        "four": ((ten, 4), ten[1:8], "four levels from the inside: all but level 1, which is enc1, dec1 and the head."),
        "all five": ((ten, 5), ten, "five levels are the whole network: the head belongs to level 1, with dec1."),
        "none": ((ten, 0), [], "k = 0 trains nothing, not even the bottleneck."),
        "a smaller U-Net": ((small, 2), small[1:4], "not every U-Net has a depth of 4: look where its bottleneck is."),
    },
    exercise="09.1",
)
# END CHECK

# %%
# BEGIN WRONG "the head belongs to level 1"
def inner_levels(names, k):
    middle = names.index("bottleneck")
    return names[middle - k + 1 : middle + k] if k else []
# END WRONG
# BEGIN WRONG "the bottleneck, alone"
def inner_levels(names, k):
    return [name for name in names if name == "head" or name[3:].isdigit() and int(name[3:]) <= k]
# END WRONG
# BEGIN WRONG "the bottleneck, alone"
def inner_levels(names, k):
    cut = names.index("bottleneck") - k + 1
    return names[cut : len(names) - cut]
# END WRONG
# BEGIN WRONG "in path order"
def inner_levels(names, k):
    found = ["bottleneck"][:k]
    for step in range(1, k):
        found += [f"enc{5 - step}", f"dec{5 - step}"]
    return found + ["head"] * (k == 5)
# END WRONG
# BEGIN WRONG "one group more on each side"
def inner_levels(names, k):
    return ["bottleneck"] if k == 1 else [f"enc{6 - k}", f"dec{6 - k}"]
# END WRONG
# BEGIN WRONG "all but level 1"
def inner_levels(names, k):
    middle = names.index("bottleneck")
    return names[middle - k + 1 : middle + k + (k > 3)] if k else []
# END WRONG
# BEGIN WRONG "not even the bottleneck"
def inner_levels(names, k):
    middle = names.index("bottleneck")
    return [name for j, name in enumerate(names) if abs(min(j, 2 * middle) - middle) < max(k, 1)]
# END WRONG
# BEGIN WRONG "look where its bottleneck is"
def inner_levels(names, k):
    return [name for j, name in enumerate(names) if abs(min(j, 8) - 4) < k]
# END WRONG
# BEGIN RIGHT
def inner_levels(names, k):
    middle = names.index("bottleneck")
    return [name for j, name in enumerate(names) if abs(min(j, 2 * middle) - middle) < k]
# END RIGHT
# BEGIN RIGHT
def inner_levels(names, k):
    depth = names.index("bottleneck")
    model = usft.UNet(width=4, depth=depth)
    return [name for name in names if name not in usft.outer(model, depth + 1 - k)]
# END RIGHT
# BEGIN RIGHT
def inner_levels(names, k):
    depth = names.index("bottleneck")
    chosen = set()
    for level in range(depth + 1, depth + 1 - k, -1):
        chosen |= {f"enc{level}", f"dec{level}"} if level <= depth else {"bottleneck"}
        if level == 1:
            chosen.add("head")
    return sorted(chosen, key=names.index)
# END RIGHT

# %% [markdown]
# **Play with it.** Above the k outer levels, below the k inner ones. At which k do they share a level?

# %%
K = 2  # change me: 0 to 5
for side in (usft.outer, usft.inner):
    display(usft.UNetDiagram(usft.train_only(net, side(net, K)), size=SIZE))

# %% [markdown]
# ## Levels are not alike in size
#
# In lesson 08 the two ends differed in parameters by a few times. Here?

# %%
# NBVAL_CHECK_OUTPUT
sizes = usft.summary(net).set_index("group")["parameters"]
rows = []
for k in range(1, 5):
    out, inn = (sizes[side(net, k)].sum() for side in (usft.outer, usft.inner))
    shares = [f"{count:,} ({count / sizes['total']:.1%})" for count in (out, inn)]
    rows.append([k, *shares, f"{inn / out:.1f} ×"])
print(pd.DataFrame(rows, columns=["k", "outer k", "inner k", "inner has"]).to_string(index=False))

# %% [markdown]
# The row k = 2 answers your second guess. Twice the channels on both sides of a convolution are four times the
# parameters: so it goes with each level inwards, down to level 4, and the bottleneck alone is larger still. Comparing
# outer with inner at equal k compares small with large. Say it in advance, before anybody sees a result:
#
# * If **outer** wins, it wins with far fewer parameters: their number cannot be the reason.
# * If **inner** wins, nobody can tell whether it was the place or the number.
#
# Both curves meet at k = 5, where they are the same network; from k = 3 on they share levels. Lesson 11 draws sets that
# are matched in parameters.
#
# ## A slice of it, live
#
# k = 2 and k = 4, outer and inner, on the simulated breasts of lesson 08: same images, batches and learning rate.

# %% tags=["train"]
source = usft.pretrained("xray-simulated")
pool = usft.simulate_ultrasound(5 * TRAINING_IMAGES, size=SIZE, seed=71, preset="breast")
test = usft.simulate_ultrasound(TEST_IMAGES, size=SIZE, seed=72, preset="breast")
models, tables = {}, {}
for k in KS:
    for kind, side in {"outer": usft.outer, "inner": usft.inner}.items():
        name = f"{kind} {k}"
        tables[name] = []
        for seed in SEEDS:
            models[name] = usft.train_only(deepcopy(source), side(source, k))
            train = pool.subset(TRAINING_IMAGES, seed=seed)
            usft.fit(models[name], train, steps=STEPS, lr=LR, seed=seed, progress=False)
            tables[name].append(usft.evaluate(models[name], test))
print(f"{len(SEEDS) * len(models)} trainings done, tested on {len(test)} subjects")

# %% tags=["train"]
untrained = {"untouched": usft.evaluate(source, test), "mean shape": usft.score(usft.mean_shape(train), test)}
for name, scores in {**tables, **{name: [table] for name, table in untrained.items()}}.items():
    mean, low, high = usft.seed_mean(scores)
    share = f"{sizes[named(net, name)].sum() / sizes['total']:.1%} of all parameters" if name in tables else ""
    print(f"{name:11s}{mean:.3f} ({low:.3f}…{high:.3f})   {share}")
for k in KS:
    mean, low, high = usft.seed_difference(tables[f"outer {k}"], tables[f"inner {k}"])
    said = usft.verdict(mean, low, high, seeds=len(SEEDS), stand_in=test.stand_in, yes="confirmed")
    print(f"\nouter {k} − inner {k}: {mean:+.3f} ({low:+.3f}…{high:+.3f}), {said}", end="")
print(f"\nyour guess for k = 2 was {usft.guesses().get('09.a', '… none')}")
usft.check_range(max(usft.seed_mean(scores)[0] for scores in tables.values()), 0.3, 0.95, "Dice of the best")

# %% tags=["train", "curves"]
shown = [f"{kind} {k}" for k in (2, 4) for kind in ("outer", "inner")]
dice = np.array([tables[name][-1]["dice"] for name in shown])
apart = dice.std(0).argsort()[-2:].tolist()
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(2, 4, figsize=(11.5, 6.4), layout="constrained")
    for column, name in enumerate(shown):
        drawn = usft.segment(models[name], test.images[apart])
        for row, place in enumerate(apart):
            show_masks(panels[row, column], test.images[place], test.masks[place], drawn[row])
            panels[row, column].set_title(f"{name}: Dice {dice[column, place]:.2f}")
    figure.suptitle("The two simulated breasts on which the strategies disagree most (dashes: truth)", fontsize=12)
plt.show()
best = [shown[k] for k in dice[:, apart].argmax(0)]
usft.alt(f"of four masks of one lesion each, that of {best[0]} is nearest to the truth above, that of {best[1]} below.")

# %% [markdown]
# Look at the borders. The outer levels work on the fine grid, the inner ones see far but coarsely. Which strategy
# misses the lesion, which finds it and frays, which draws smoothly in the wrong place? One seed, so no verdict.
#
# ## The study, by level
#
# The same table as in lesson 08, made by `python data_scripts/run_study.py --grid schemes` by the rules of
# `usft_lib/results/PROTOCOL.md`: three targets, five seeds, a learning rate chosen for each strategy. Everything below
# is computed from it in the cell that shows it.

# %% tags=["train"]
found, curves, limits = usft.results("schemes"), {}, {}
for target in found.targets:
    tried = {kind: [k for k in BY_LEVEL if found.seeds(target, [f"{kind} {k}"])] for kind in ("outer", "inner")}
    if any(tried.values()):  # the k that have been run so far
        curves[target] = {kind: ks for kind, ks in tried.items() if ks}
        drawn = [f"{kind} {k}" for kind, ks in tried.items() for k in ks] + ["everything", "mean shape"]
        ends = [end for name in drawn if found.seeds(target, [name]) for end in found.dice(target, name)[1:3]]
        limits[target] = min(ends) - 0.02, max(ends) + 0.02  # "not fine-tuned" may lie below the panel
    seeds = [len(found.seeds(target, [f"{kind} {k}"])) for kind, ks in tried.items() for k in ks]
    print(f"{target}: {len(seeds)} strategies by level, with {min(seeds, default=0)} to {max(seeds, default=0)} seeds")

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(1, len(curves), figsize=(4.2 * len(curves), 4.4), layout="constrained", squeeze=False)
    for axes, (target, kinds) in zip(panels[0], curves.items(), strict=True):
        axes.set_ylim(limits[target])
        against_k(axes, found, target, kinds)
        axes.set_xlabel("k, levels that learn")
    panels[0, 0].set_ylabel("Dice on test images, 95 % band")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle("Outer k or inner k? One target a panel; grey: what to compare with", fontsize=12)
plt.show()

# %% tags=["train"]
for target, kinds in curves.items():
    both = [k for k in BY_LEVEL if all(k in kinds.get(kind, []) for kind in ("outer", "inner"))]
    above = [str(k) for k in both if found.mean(target, f"outer {k}") > found.mean(target, f"inner {k}")]
    where = f"at k = {', '.join(above)}, of {len(both)} k" if above else f"at none of {len(both)} k tried"
    usft.alt(f"{target}: the curve of outer k lies above that of inner k {where}.")
    if found.seeds(target, ["untouched"]):
        print(f"   not fine-tuned: {found.mean(target, 'untouched'):.3f}")

# %% [markdown]
# Questions to the panels. How much does the *second* outer level add, and how much the third? What does the bottleneck
# reach alone (inner 1), with its half of all parameters? Inner 4 leaves out level 1 alone, less than a hundredth of all
# parameters: does it miss it?
#
# ## The verdict on claim 4
#
# **Claim 4:** outer k beats inner k, by the mean height between the curves over k from 1 to 4. The rule is the old one.
# The claim is ours, so the words are *confirmed* if the 95 % interval lies above 0 and the mean is at least 0.02;
# *reversed* if the same holds below 0; else *not confirmed* if its upper end is below 0.02; else *undecided*.

# %% tags=["train"]
compared = {
    "claim 4: outer k − inner k": (area("outer", BY_LEVEL), area("inner", BY_LEVEL)),
    "beside it: outer 2 − inner 2": ("outer 2", "inner 2"),
}
told = {what: {target: found.difference(target, *pair) for target in found.targets} for what, pair in compared.items()}
for what, by_target in told.items():
    print(what)
    for target, line in by_target.items():
        if line is None:
            print(f"  {target:15s}not run yet")
            continue
        mean, low, high, n = line
        said = "" if "beside" in what else usft.verdict(mean, low, high, seeds=n, yes="confirmed")
        print(f"  {target:15s}{mean:+.3f} ({low:+.3f}…{high:+.3f}), {n} seed(s)   {said}")

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 3.4), layout="constrained", sharex=True)
    for axes, (what, by_target) in zip(panels, told.items(), strict=True):
        intervals(axes, {target: line[:3] for target, line in by_target.items() if line})
        axes.set_title(what)
        axes.locator_params(axis="x", nbins=5)
plt.show()
for what, by_target in told.items():
    lines = {target: line for target, line in by_target.items() if line}
    right = ", ".join(target for target, (_, low, _, _) in lines.items() if low > 0) or "no target"
    left = ", ".join(target for target, (_, _, high, _) in lines.items() if high < 0) or "no target"
    usft.alt(f"{what}: all of the interval is above 0 on {right}; below 0 on {left}.")

# %% [markdown]
# The right panel takes one k of four. Where the two panels would tell different stories, the left one counts, because
# it was chosen before anybody knew. And look back at what you said in advance about sizes: which of the two sentences
# applies, if any?
#
# ## Claim 5 again: who is the worst of four?
#
# Now all four kinds are there, and you can count for yourself. It sounds like a line of code, and has three traps:
# seeds are averaged *before* anybody is called the worst; targets are *not* averaged, for a cell is a target and a k;
# and a cell counts only if all four kinds were tried in it.
#
# ## Exercise 09.2: count the cells
#
# Write `last_is_worst(table)`. The table has a row a training, with the columns `target`, `kind` ("first", "last",
# "outer", "inner"), `k`, `seed` and `dice`. Return `(worst, cells)`: in how many cells (target, k) the kind "last" has
# the lowest mean Dice over seeds, and how many cells there are in which all four kinds were tried.
#
# <details><summary>Hint 1</summary>
#
# `table.groupby(["target", "k", "kind"])["dice"].mean().unstack()` has a row a cell and a column a kind, with NaN where
# a kind was not tried.
# </details>
# <details><summary>Hint 2</summary>
#
# `.dropna()` drops rows with NaN, and `.idxmin(axis=1)` names the column with the smallest value in each row.
# </details>


# %%
def last_is_worst(table):
    """(cells in which "last" has the lowest mean Dice, cells in which all four kinds were tried)"""
    # BEGIN SOLUTION means over seeds, a row a cell; drop cells that lack a kind; in which rows is "last" the smallest?
    means = table.groupby(["target", "k", "kind"])["dice"].mean().unstack("kind")
    complete = means.reindex(columns=["first", "last", "outer", "inner"]).dropna()
    return int((complete.idxmin(axis=1) == "last").sum()), len(complete)
    # END SOLUTION


# %%
# @title Check 09.2
# BEGIN CHECK
def trainings(*cells):
    """Rows for cells (target, k, {kind: Dice of each seed})."""
    each = [(t, k, kind, seed, v) for t, k, kinds in cells for kind, vs in kinds.items() for seed, v in enumerate(vs)]
    return pd.DataFrame(each, columns=["target", "k", "kind", "seed", "dice"])


low = {"first": [0.8], "last": [0.5], "outer": [0.7], "inner": [0.6]}  # last is the worst
top = {"outer": [0.7], "first": [0.6], "last": [0.71], "inner": [0.5]}  # last is the best
mixed = {"inner": [0.5, 0.5, 0.5], "last": [0.4, 0.4, 0.9], "first": [0.8] * 3, "outer": [0.9] * 3}
usft.check(
    last_is_worst,
    {
        "one cell, last is the worst": ((trainings(("a", 1, low)),), (1, 1), "the worst has the lowest Dice."),
        "one cell, last is the best": ((trainings(("a", 1, top)),), (0, 1), "the worst has the LOWEST Dice."),
        "one target, two k": ((trainings(("a", 1, low), ("a", 2, top)),), (1, 2), "a cell is a target AND a k."),
        "two targets, one k": (
            (trainings(("a", 1, low), ("b", 1, top)),),
            (1, 2),
            "do not average over targets: heads and lesions differ in Dice for other reasons.",
        ),
        "three seeds": (
            (trainings(("a", 1, mixed)),),
            (0, 1),
            "last loses two seeds of three, but not in the mean over seeds: average first, then look for the lowest.",
        ),
        "only first and last were tried at k = 7": (
            (trainings(("a", 1, low), ("a", 7, {"first": [0.9], "last": [0.8]})),),
            (1, 1),
            "a cell without all four kinds does not count, neither as lost nor as a cell.",
        ),
    },
    exercise="09.2",
)
# END CHECK

# %%
# BEGIN WRONG "the worst has the lowest"
def last_is_worst(table):
    means = table.groupby(["target", "k", "kind"])["dice"].mean().unstack().dropna()
    return (means.idxmax(axis=1) == "last").sum(), len(means)
# END WRONG
# BEGIN WRONG "a cell is a target AND a k"
def last_is_worst(table):
    means = table.groupby(["target", "kind"])["dice"].mean().unstack().dropna()
    return (means.idxmin(axis=1) == "last").sum(), len(means)
# END WRONG
# BEGIN WRONG "do not average over targets"
def last_is_worst(table):
    means = table.groupby(["k", "kind"])["dice"].mean().unstack().dropna()
    return (means.idxmin(axis=1) == "last").sum(), len(means)
# END WRONG
# BEGIN WRONG "average first"
def last_is_worst(table):
    each = table.groupby(["target", "k", "seed", "kind"])["dice"].mean().unstack().dropna()
    lost = (each.idxmin(axis=1) == "last").groupby(level=["target", "k"]).mean() > 0.5
    return lost.sum(), len(lost)
# END WRONG
# BEGIN WRONG "average first"
def last_is_worst(table):
    each = table.groupby(["target", "k", "seed", "kind"])["dice"].mean().unstack().dropna()
    return (each.idxmin(axis=1) == "last").sum(), len(each)
# END WRONG
# BEGIN WRONG "does not count"
def last_is_worst(table):
    means = table.groupby(["target", "k", "kind"])["dice"].mean().unstack()
    return (means.idxmin(axis=1) == "last").sum(), len(means)
# END WRONG
# BEGIN WRONG "average first"
def last_is_worst(table):
    lowest = table.loc[table.groupby(["target", "k"])["dice"].idxmin()]
    tried = table.groupby(["target", "k"])["kind"].nunique() == 4
    return (lowest.set_index(["target", "k"])["kind"][tried] == "last").sum(), tried.sum()
# END WRONG
# BEGIN RIGHT
def last_is_worst(table):
    lost = cells = 0
    for _, cell in table.groupby(["target", "k"]):
        means = cell.groupby("kind")["dice"].mean()
        if len(means) == 4:
            cells += 1
            lost += means.idxmin() == "last"
    return lost, cells
# END RIGHT
# BEGIN RIGHT
def last_is_worst(table):
    sums = {}
    for row in table.itertuples():
        sums.setdefault((row.target, row.k), {}).setdefault(row.kind, []).append(row.dice)
    means = [{kind: sum(v) / len(v) for kind, v in cell.items()} for cell in sums.values() if len(cell) == 4]
    return np.array([sum(min(cell, key=cell.get) == "last" for cell in means), len(means)])
# END RIGHT
# BEGIN RIGHT
def last_is_worst(table):
    means = table.pivot_table(index=["target", "k"], columns="kind", values="dice", aggfunc="mean")
    means = means[means.notna().sum(axis=1) == 4]
    others = means.drop(columns="last").min(axis=1)
    return [(means["last"] < others).sum(), len(means)]
# END RIGHT

# %% [markdown]
# Here is the study, cell by cell. Lesson 08 told who is the worst; now you see all four. Does size explain who loses?
# At equal k *first* is the smallest of the four.

# %% tags=["train"]
kinds, rows = ("first", "last", "outer", "inner"), {}
for cell in cells(found):
    means = {kind: f"{found.mean(cell.target, f'{kind} {cell.k}'):.3f}" for kind in kinds}
    rows[cell.target, f"k = {cell.k}"] = {**means, "worst": cell.worst, "seeds": cell.seeds}
if rows:
    print(pd.DataFrame(rows).T.to_string())
lost = sum(cell.worst == "last" for cell in cells(found))
print(f"claim 5, last is the worst of four: {lost} of {len(rows)} cells: {often_worst(cells(found))}")

# %% [markdown]
# ## Which "shallow" predicts better?
#
# The two definitions agree on `enc1` and `enc2`: shallow. They agree on nothing else so clearly. To compare them, equal
# k is no use: k counts steps in one and levels in the other. But every strategy has a number of parameters. So here are
# all strategies of both schemes over their share of all parameters (the axis is stretched at both ends, where most of
# them are). If parameters were all that counts, the four curves would lie on one another. Where one curve runs above
# another at the *same* number, the place matters.

# %% tags=["train"]
ks = {"first": ALONG, "last": ALONG, "outer": BY_LEVEL, "inner": BY_LEVEL}
names = [f"{kind} {k}" for kind in ks for k in ks[kind]]
share = {name: sizes[named(net, name)].sum() / sizes["total"] for name in names}
points = {}
for target in found.targets:
    tried = [name for name in names if found.seeds(target, [name])]
    points[target] = {name: (share[name], found.mean(target, name)) for name in tried}


# %%
def over_parameters(axes, at):
    """Draw Dice over the share of parameters, a line a kind; the figures beside the points are k."""
    for kind in ks:
        line = [at[name] for name in at if name.startswith(kind)]
        look = {"marker": MARKERS[LOOKS[kind]], "linestyle": LINES[kind], "color": COLOURS[LOOKS[kind]]}
        axes.plot(*np.array(line).reshape(-1, 2).T, label=kind, **look)
    for name, place in at.items():
        axes.annotate(name.split()[1], place, (0, 6), textcoords="offset points", ha="center", fontsize=10)
    axes.set(xscale="logit", xlabel="share of all parameters that learn")
    axes.set_xticks([0.001, 0.01, 0.1, 0.5, 0.9, 0.99], ["0.1 %", "1 %", "10 %", "50 %", "90 %", "99 %"])
    axes.minorticks_off()


# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(1, len(points), figsize=(4.4 * len(points), 4.6), layout="constrained", squeeze=False)
    for axes, (target, at) in zip(panels[0], points.items(), strict=True):
        over_parameters(axes, at)
        axes.set_title(target)
    panels[0, 0].set(ylabel="Dice on test images, mean over seeds")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle("Place or number? One target a panel; the figures beside the points are k", fontsize=12)
plt.show()
for target, at in points.items():
    rank = spearmanr(*zip(*at.values(), strict=True)).statistic if len(at) > 2 else float("nan")
    usft.alt(f"{target}: over {len(at)} strategies, Dice and number of parameters have rank correlation {rank:+.2f}.")

# %% [markdown]
# A rank correlation of 1 would say: sort strategies by size, and you have sorted them by Dice. The further below 1, the
# more is left for *where*, and for chance.
#
# ## Exercise 09.3: like with like
#
# To compare two strategies fairly you first need two of about the same size. Write `alike(parameters, within)`.
# `parameters` maps the name of a strategy ("first 2") to its number of parameters. Return a list of all pairs of names
# that are of **different kinds** (first, last, outer, inner) and whose larger number is **at most `within` times** the
# smaller one. Each pair once, its two names in any order.
#
# <details><summary>Hint 1</summary>
#
# `name.split()[0]` is the kind. `itertools.combinations` gives each pair once.
# </details>
# <details><summary>Hint 2</summary>
#
# Sizes go from a few thousand to two millions, so compare by *ratio*: larger over smaller.
# </details>


# %%
def alike(parameters, within):
    """Pairs of strategies of different kinds whose numbers of parameters differ by at most a factor."""
    # BEGIN SOLUTION go through all pairs once; keep those of two kinds whose larger number is at most within × smaller
    from itertools import combinations

    def fits(a, b):
        few, many = sorted((parameters[a], parameters[b]))
        return a.split()[0] != b.split()[0] and many <= within * few

    return [(a, b) for a, b in combinations(parameters, 2) if fits(a, b)]
    # END SOLUTION


# %%
# @title Check 09.3
# BEGIN CHECK
def pairs(*expected):
    """Exactly these pairs, each once, in any order."""
    wanted = sorted(sorted(pair) for pair in expected)
    return lambda got: sorted(sorted(pair) for pair in got) == wanted


some = {"first 2": 16_464, "outer 1": 11_569, "last 2": 45_057, "inner 1": 885_760}
usft.check(
    alike,
    {
        "one pair": (
            (some, 1.5),
            pairs(("first 2", "outer 1")),
            "16,464 is 1.42 times 11,569; all others differ more. And a pair comes once, not in both orders.",
        ),
        "by ratio": (
            ({"first 1": 2_000, "last 1": 9_000, "inner 2": 1_600_000, "last 5": 1_500_000}, 1.2),
            pairs(("inner 2", "last 5")),
            "7,000 more is a lot on top of 2,000, and 100,000 are little in a million: a ratio, not a difference.",
        ),
        "the smaller one first": (
            ({"outer 1": 10_000, "first 2": 40_000}, 1.5),
            pairs(),
            "larger over smaller, whichever comes first: 40,000 is 4 times 10,000.",
        ),
        "the smaller one last": (
            ({"first 2": 40_000, "outer 1": 10_000}, 1.5),
            pairs(),
            "larger over smaller, whichever comes first: 40,000 is 4 times 10,000.",
        ),
        "one kind": (
            ({"first 7": 1_897_232, "first 6": 1_753_552}, 1.5),
            pairs(),
            "first 6 and first 7 are of one kind: such a pair does not compare two places.",
        ),
        "three of one size": (
            ({"first 1": 100, "last 1": 100, "outer 1": 100}, 1.5),
            pairs(("first 1", "last 1"), ("first 1", "outer 1"), ("last 1", "outer 1")),
            "all three pairs, not only neighbours, and each pair once.",
        ),
        "at the edge": (({"first 1": 200, "last 1": 300}, 1.5), pairs(("first 1", "last 1")), "at most: 1.5 counts."),
    },
    exercise="09.3",
)
# END CHECK

# %%
# BEGIN WRONG "a ratio, not a difference"
def alike(parameters, within):
    from itertools import combinations
    return [
        (a, b)
        for a, b in combinations(parameters, 2)
        if a.split()[0] != b.split()[0] and abs(parameters[a] - parameters[b]) <= 10_000
    ]
# END WRONG
# BEGIN WRONG "all others differ more"
def alike(parameters, within):
    from itertools import combinations
    return [
        (a, b)
        for a, b in combinations(parameters, 2)
        if a.split()[0] != b.split()[0] and parameters[a] / parameters[b] <= within
    ]
# END WRONG
# BEGIN WRONG "whichever comes first"
def alike(parameters, within):
    from itertools import combinations
    return [
        (a, b)
        for a, b in combinations(parameters, 2)
        if a.split()[0] != b.split()[0] and parameters[b] / parameters[a] <= within
    ]
# END WRONG
# BEGIN WRONG "does not compare two places"
def alike(parameters, within):
    from itertools import combinations
    size = parameters.get
    return [(a, b) for a, b in combinations(parameters, 2) if max(size(a), size(b)) <= within * min(size(a), size(b))]
# END WRONG
# BEGIN WRONG "each pair once"
def alike(parameters, within):
    names = sorted(parameters, key=parameters.get)
    neighbours = zip(names, names[1:], strict=False)
    return [(a, b) for a, b in neighbours if a[:4] != b[:4] and parameters[b] <= within * parameters[a]]
# END WRONG
# BEGIN WRONG "all others differ more"
def alike(parameters, within):
    found = []
    for a, m in parameters.items():
        for b, n in parameters.items():
            if a.split()[0] != b.split()[0] and max(m, n) <= within * min(m, n):
                found.append((a, b))
    return found
# END WRONG
# BEGIN WRONG "at most"
def alike(parameters, within):
    from itertools import combinations
    p, kind = parameters, {name: name.split()[0] for name in parameters}
    return [(a, b) for a, b in combinations(p, 2) if kind[a] != kind[b] and max(p[a], p[b]) < within * min(p[a], p[b])]
# END WRONG
# BEGIN RIGHT
def alike(parameters, within):
    names, found = list(parameters), []
    for i, a in enumerate(names):
        for b in names[:i]:
            ratio = parameters[a] / parameters[b]
            if a.partition(" ")[0] != b.partition(" ")[0] and max(ratio, 1 / ratio) <= within + 1e-12:
                found.append([b, a])
    return found
# END RIGHT
# BEGIN RIGHT
def alike(parameters, within):
    return {
        tuple(sorted((a, b)))
        for a in parameters
        for b in parameters
        if a[0] != b[0] and parameters[a] <= parameters[b] <= within * parameters[a]
    }
# END RIGHT
# BEGIN RIGHT
def alike(parameters, within):
    from itertools import combinations
    logs = {name: np.log(count) for name, count in parameters.items()}
    near = np.log(within) + 1e-9
    return [{a, b} for a, b in combinations(logs, 2) if a[:2] != b[:2] and abs(logs[a] - logs[b]) <= near]
# END RIGHT

# %% [markdown]
# Among all strategies of the study, three pairs do more than match in size. In each, both sides share the encoder
# groups near the image, and differ in what comes on top: **one more group down the path**, which scheme 1 calls the
# next shallowest, or **the decoder groups across**, which scheme 2 calls just as shallow as what is there.

# %%
# NBVAL_CHECK_OUTPUT
matched = {"first 2": "outer 1", "first 4": "outer 3", "first 5": "outer 4"}
for one, other in matched.items():
    a, b = (named(net, name) for name in (one, other))
    only = [" ".join(name for name in mine if name not in theirs) for mine, theirs in ((a, b), (b, a))]
    print(f"{one} has {sizes[a].sum() / sizes[b].sum():.2f} × the parameters of {other}: {only[0]} against {only[1]}")

# %% [markdown]
# So on these pairs the definitions make opposite bets. Above 0: the path was right, and one more group along it was
# worth more. Below 0: the levels were right. *First* is somewhat larger each time, which may help it. No claim on these
# pairs was fixed before the results, so there is no verdict: it is a hint of where to look.

# %% tags=["train"]
bets = {}
for target in found.targets:
    lines = {f"{one} − {other}": found.difference(target, one, other) for one, other in matched.items()}
    bets[target] = {pair: line for pair, line in lines.items() if line}

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(1, len(bets), figsize=(4.4 * len(bets), 3.4), layout="constrained", squeeze=False)
    for axes, (target, lines) in zip(panels[0], bets.items(), strict=True):
        intervals(axes, {pair: line[:3] for pair, line in lines.items()})
        axes.set_title(target)
        axes.locator_params(axis="x", nbins=5)
plt.show()
for target, lines in bets.items():
    by_path = ", ".join(pair for pair, (_, low, _, _) in lines.items() if low > 0) or "no pair"
    by_levels = ", ".join(pair for pair, (_, _, high, _) in lines.items() if high < 0) or "no pair"
    usft.alt(f"{target}: the interval speaks for the path on {by_path}; for the levels on {by_levels}.")
    seeds = {line[3] for line in lines.values()}
    if seeds == {1}:
        print("   one seed: an interval over subjects alone, of these trainings and no others")

# %% [markdown]
# ## Quiz
#
# Three bets on what can be told from what.

# %%
# @title Question 1
usft.Quiz("""
Outer 2 beats inner 2, and first 2 beats last 2. Which definition of shallow is the better one?

- [x] The two results cannot tell.
  Both definitions call `enc1` and `enc2` shallow, and both winners hold them. You need strategies on which the
  definitions make opposite bets, such as the three pairs above.
- [ ] That by level, since outer 2 trains both ends of the skips.
  It does. But whether the readers helped takes a comparison with and without them, and there is none here.
- [ ] That along the path, since first 2 wins with fewer parameters.
  Outer 2, too, has fewer parameters than the one it beats. Both definitions win their own match.
""")

# %%
# @title Question 2
usft.Quiz("""
Inner 4 trains more than 99 % of all parameters. Suppose it stays clearly behind training everything, on each data set
and with each seed. What follows?

- [ ] It needs a few more steps, as so little is left out.
  Little by number need not be little by effect. That more steps would help is a guess, and nothing here supports it.
- [ ] `enc1` has to learn, since it is the first to meet the speckle.
  A likely story, but inner 4 leaves out `dec1` and the head as well. Any of the three may be what it lacks.
- [x] What it leaves out matters far beyond its size.
  `enc1`, `dec1` and the head hold less than a hundredth of all parameters. Which of the three it is, the head perhaps,
  takes a strategy that adds one of them and nothing else.
""")

# %%
# @title Question 3
usft.Quiz("""
Dice rises from first 1 to first 7. A friend says: "So does the number of parameters, and that is the reason." Which
comparison could prove your friend wrong?

- [ ] First 7 against first 9: does Dice go on rising?
  So does the number. Along one curve place and number always grow together, and cannot be told apart.
- [x] Two strategies of one size in different places.
  If they differ, the number cannot be why. Read the figure over parameters *across* the curves.
- [ ] First 1 against first 7 with many more seeds.
  That makes the rise surer. It says nothing about its reason.
""")

# %% [markdown]
# ## What this does not show
#
# * **Position without size.** Inner k has many times the parameters of outer k at equal k. The three pairs are near in
#   size, but few, and they were picked after the grid was made. Lesson 11 draws matched sets.
# * **The head.** Outer k always trains it; inner k (up to 4) and first k never do. It has 17 parameters, and the last
#   word on every pixel. Lesson 11 repeats the main rows with the head always trained.
# * **That skips are the reason.** Writer and reader are a story that fits some outcomes. Nothing here tested it.
# * **The paper's scheme.** It analysed two; where its groups begin and end is not known to us. This is ours.
# * **Small margins on BUSI**, whose intervals are over clusters of images, not patients.

# %% [markdown]
# ## Recap
#
# * By level, shallow is near the image on both sides; outer k is small, inner k is huge.
# * If the small one wins, size is not the reason. If the large one wins, nobody knows.
# * Two definitions are told apart only where they make opposite bets, and fairly only at like size.

# %% [markdown]
# ## Further reading
#
# * Amiri, Brooks and Rivaz, "Fine-Tuning U-Net for Ultrasound Image Segmentation: Different Layers, Different
#   Outcomes", IEEE TUFFC 67(12), 2020, [doi 10.1109/TUFFC.2020.3015081](https://doi.org/10.1109/TUFFC.2020.3015081).
# * Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015,
#   [doi 10.1007/978-3-319-24574-4_28](https://doi.org/10.1007/978-3-319-24574-4_28): where the levels come from.
# * Lee et al., "Surgical fine-tuning", 2022, [arXiv 2210.11466](https://arxiv.org/abs/2210.11466): which end to tune
#   depends on the kind of shift; a shift at the input asks for the first blocks.
# * Raghu et al., "Transfusion", 2019, [arXiv 1902.07208](https://arxiv.org/abs/1902.07208): what transfer to medical
#   images does, and how much of it is mere scale of the weights.
