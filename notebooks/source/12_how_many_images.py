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
import time
from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import display

# %%
import usft_lib as usft
from usft_lib.cost import PASSES, relative, step_cost
from usft_lib.freezing import named
from usft_lib.intervals import NEAR, over_folds, plateau_level, restricted_mean, steps_to_plateau
from usft_lib.plots import COLOURS, MARKERS, STYLE
from usft_lib.study.claims import FOUR, equivalence, pretraining, scarcity, speed
from usft_lib.study.figures import LOOKS, intervals
from usft_lib.study.grids import ALL_HEADS
from usft_lib.study.records import Results

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": longer training, more steps on the clock
SIZE = 96  # pixels a side
STEPS = 300 if PROFILE == "full" else 120
ROUNDS = 30 if PROFILE == "full" else 8  # steps of each strategy that are timed
LR = 3e-3
print(f"profile {PROFILE}: 4 trainings of {STEPS} steps at {SIZE} × {SIZE} pixels, 6 × {ROUNDS} steps on the clock")

# %% [markdown]
# Fine-tuning is paid for twice. Somebody must outline every training image by hand, and that is the dear part. And a
# machine must work for it, which costs seconds. If a few layers do as well as all of them, which of the two do you
# save?
#
# Amiri, Brooks and Rivaz (2020) report that even with a large ultrasound data set, fine-tuning the shallow layers is
# faster than fine-tuning the whole network. What exactly they timed is not known to us. So this lesson counts three
# things and keeps them apart: **steps**, **operations** in a step, and **seconds** by the clock.
#
# ## Predict first
#
# Train `enc1` alone: one group of ten, and about a thousandth of all parameters. **Which share of the operations does a
# step take, if a step that trains everything counts as 1?**
#
# And the images. The study compares four strategies, first and last 2 and 4, on fetal heads. With ten training images
# instead of 160, **by how much Dice does the gap between the best and the worst of the four grow?** Below zero: it
# shrinks.

# %%
usft.guess("12.a", ...)  # your guess: operations of a step that trains enc1 alone, everything = 1
usft.guess("12.b", ...)  # your guess: how much wider best − worst is at n = 10 than at n = 160, in Dice

# %% [markdown]
# ## What a step costs, counted
#
# A training step does up to three things at a convolution, and each takes about as many operations as the first.
#
# 1. **Forward.** Every convolution, always: without a mask there is no loss.
# 2. **The gradient of its weights.** Only where weights are to move.
# 3. **The gradient of its inputs**, to be handed on to the convolutions before it. Needed only if there is *anything
#    trained before it*; whether it is frozen itself does not matter.
#
# So the gradient travels from the mask back to the first trained convolution and stops there. What lies before needs no
# backward pass. But if the first group learns, the gradient crosses the whole decoder to get there, frozen or not.
#
# ## Exercise 12.1: count it
#
# Write `step_flops(forward, trained)`. `forward` lists the operations of each convolution's forward pass, in path
# order; `trained` says of each, with `True` or `False`, whether its weights learn. Return the operations of the whole
# step. (A U-Net has skip connections, but every earlier convolution feeds every later one somehow, so the order of the
# path is enough.)
#
# <details><summary>Hint 1</summary>
#
# Walk along the path and remember whether you have met a trained convolution *before* the present one.
# </details>
# <details><summary>Hint 2</summary>
#
# The first trained convolution needs the gradient of its weights, but nobody before it asks for that of its inputs.
# </details>


# %%
def step_flops(forward, trained):
    """Operations of one step: forward, and the gradients that are needed."""
    # BEGIN SOLUTION add up forward, weights where trained, inputs where something before is trained
    total, reached = 0, False
    for one, learns in zip(forward, trained, strict=True):
        total += one * (1 + bool(reached) + bool(learns))
        reached = reached or learns
    return total
    # END SOLUTION


# %%
# @title Check 12.1
# BEGIN CHECK
four = [10, 20, 40, 80]  # each sum of some of them is another number
usft.check(
    step_flops,
    {
        "nothing is trained": ((four, [False] * 4), 150, "without anything to learn there is the forward pass, alone."),
        "only the last": (
            (four, [False, False, False, True]),
            230,
            "forward everywhere, 150, and the weights of the last, 80. The gradient stops there: it has arrived.",
        ),
        "only the first": (
            (four, [True, False, False, False]),
            300,
            "forward 150, the first one's weights 10, and the gradient must cross the other three to get there: 140.",
        ),
        "everything": (
            (four, [True] * 4),
            440,
            "forward 150, weights 150, inputs 140: the first trained one hands its gradient on to nobody.",
        ),
        "two in the middle": (
            (four, [False, True, True, False]),
            330,
            "weights of both, 60; inputs of all that come after the first of the two: 40 and 80.",
        ),
        "a gap between": (
            (four, [True, False, False, True]),
            380,
            "a frozen convolution between two trained ones passes the gradient on, but keeps its weights.",
        ),
    },
    exercise="12.1",
)
# END CHECK

# %%
# BEGIN WRONG "The gradient stops there"
def step_flops(forward, trained):
    return sum(f * (3 if t else 1) for f, t in zip(forward, trained, strict=True))
# END WRONG
# BEGIN WRONG "the forward pass, alone"
def step_flops(forward, trained):
    return 2 * sum(forward) + sum(f for f, t in zip(forward, trained, strict=True) if t)
# END WRONG
# BEGIN WRONG "the forward pass, alone"
def step_flops(forward, trained):
    start = trained.index(True)
    return sum(forward) + sum(forward[start + 1:]) + sum(f for f, t in zip(forward, trained, strict=True) if t)
# END WRONG
# BEGIN WRONG "The gradient stops there"
def step_flops(forward, trained):
    if not any(trained):
        return sum(forward)
    return sum(forward) + sum(forward[1:]) + sum(f for f, t in zip(forward, trained, strict=True) if t)
# END WRONG
# BEGIN WRONG "The gradient stops there"
def step_flops(forward, trained):
    if not any(trained):
        return sum(forward)
    start = trained.index(True)
    return sum(forward[start:]) + sum(forward[start + 1:]) + sum(f for f, t in zip(forward, trained, strict=True) if t)
# END WRONG
# BEGIN WRONG "must cross the other three"
def step_flops(forward, trained):
    total = sum(forward)
    for k, (one, learns) in enumerate(zip(forward, trained, strict=True)):
        if learns:
            total += one * (1 + any(trained[:k]))
    return total
# END WRONG
# BEGIN WRONG "passes the gradient on, but keeps its weights"
def step_flops(forward, trained):
    on = [k for k, t in enumerate(trained) if t]
    if not on:
        return sum(forward)
    return sum(forward) + sum(forward[on[0] + 1:]) + sum(forward[on[0]:on[-1] + 1])
# END WRONG
# BEGIN RIGHT
def step_flops(forward, trained):
    f, t = np.array(forward), np.array(trained)
    before = np.cumsum(t) - t > 0
    return (f * (1 + t + before)).sum()
# END RIGHT
# BEGIN RIGHT
def step_flops(forward, trained):
    f, t = torch.tensor(forward, dtype=torch.float32), torch.tensor(trained)
    if not t.any():
        return f.sum()
    start = int(t.float().argmax())
    return f.sum() + f[t].sum() + f[start + 1:].sum()
# END RIGHT
# BEGIN RIGHT
def step_flops(forward, trained):
    from usft_lib.cost import by_pass, total
    return sum(total(by_pass(forward, trained)).values())
# END RIGHT

# %% [markdown]
# `usft_lib.cost` does the same for this course's U-Net, convolution by convolution. First a few strategies in numbers,
# then eight of them by part.

# %%
# NBVAL_CHECK_OUTPUT
net = usft.UNet(width=16, depth=4)
parameters = usft.summary(net).set_index("group")["parameters"]
for name in ("everything", "first 1", "first 4", "last 1", "last 4"):
    share = parameters[named(net, name)].sum() / parameters["total"]
    print(f"{name:12s}{share:7.1%} of the parameters, {relative(net, named(net, name)):4.2f} of the operations")

# %% tags=["train"]
eight = ("everything", "first 1", "first 2", "first 4", "last 1", "last 2", "last 4", "outer 2")
costs = {name: step_cost(net, named(net, name), SIZE).flops for name in eight}
words = {"forward": "forward", "to_inputs": "gradient of inputs", "to_weights": "gradient of weights"}
print("first 4, MFLOPs an image:", ", ".join(f"{words[part]} {value:.0f}" for part, value in costs["first 4"].items()))

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, axes = plt.subplots(figsize=(9.5, 4.4), layout="constrained")
    left, whole_step = np.zeros(len(costs)), sum(costs["everything"].values())
    for part, colour, hatch in zip(PASSES, ("0.75", COLOURS[5], COLOURS[4]), ("", "///", ".."), strict=True):
        values = np.array([cost[part] for cost in costs.values()]) / whole_step
        axes.barh(list(costs), values, left=left, color=colour, hatch=hatch, edgecolor="white", label=words[part])
        left += values
    for row, share in enumerate(left):
        axes.annotate(f"{share:.2f}", (share, row), (4, 0), textcoords="offset points", va="center")
    axes.set(xlabel="operations of a step (everything = 1)", xlim=(0, 1.1), title="What is counted in a step?")
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
plt.show()
usft.alt("a step costs, by operations: " + ", ".join(f"{n} {s:.2f}" for n, s in zip(costs, left, strict=True)) + ".")

# %% tags=["train"]
print(f"12.a, enc1 alone: you guessed {usft.guesses().get('12.a', '… none')} of the operations")

# %% [markdown]
# Three things to read off.
#
# * **The grey part is the same for all.** No choice of layers makes the forward pass cheaper.
# * **The first k pay nearly all of the middle part.** Few weights to learn, but a long way for the gradient.
# * **First 4 and last 4 cost the same**, by operations and to two digits. They share nothing but that number.
#
# **Play with it.** Choose any groups. Can you find a set that trains more than half of all parameters in less than 0.7
# of the operations? And which single group is the dearest to thaw?

# %% tags=["train"]
CHOSEN = ["enc1", "head"]  # change me: enc1 … enc4, bottleneck, dec4 … dec1, head
display(usft.UNetDiagram(usft.train_only(net, CHOSEN), size=SIZE))
print(f"{parameters[CHOSEN].sum() / parameters['total']:.1%} of the parameters, ", end="")
print(f"{relative(net, CHOSEN, SIZE):.2f} of the operations of a step that trains everything")

# %% [markdown]
# ## Against the clock
#
# A count is a theory. The clock is the experiment, and a noisy one: a mail arrives, a fan slows the processor down.
# Two habits help. Let the strategies take their steps **in turns**, so that a bad minute hits all of them. And keep the
# **minimum**: nothing makes a step quicker than it can be, everything else makes it slower. The first three steps
# choose kernels and warm up; they do not count.

# %% tags=["train"]
source = usft.pretrained("xray-simulated")
sixteen = usft.simulate_ultrasound(16, size=SIZE, seed=111, preset="breast")
runs, best = {}, {}
for name in ("everything", "first 2", "first 4", "last 1", "last 2", "last 4"):
    model = usft.train_only(deepcopy(source), named(source, name))
    runs[name] = usft.Training(model, sixteen, steps=ROUNDS + 3, batch_size=8, augment=False)
for k in range(ROUNDS + 3):
    for name, run in runs.items():
        began = time.perf_counter()
        run.step()
        if torch.cuda.is_available():
            torch.cuda.synchronize()  # a graphics card works on behind Python's back
        if k >= 3:
            best[name] = min(best.get(name, np.inf), time.perf_counter() - began)
print(f"a step of everything: {1e3 * best['everything']:.0f} ms for 8 images")

# %% [markdown]
# Operations are not the whole story. Normalisation and activation compute next to nothing, but they carry every number
# from memory and back. So the library also counts **bytes**. One number joins the two: how many operations this machine
# does in the time of moving one byte. It is read off two of the six strategies, *everything* and *last 1*; the other
# four are the test.

# %% tags=["train"]
clock = {name: seconds / best["everything"] for name, seconds in best.items()}
wide = 4 if runs["everything"].precision.name == "float32" else 2  # bytes of a number
full, part = (step_cost(net, named(net, name), SIZE, wide) for name in ("everything", "last 1"))
(f1, f2), (m1, m2) = ([sum(getattr(c, of).values()) for c in (full, part)] for of in ("flops", "megabytes"))
balance = max(0.0, (clock["last 1"] * f1 - f2) / (m2 - clock["last 1"] * m1))
counted = {name: [relative(net, named(net, name), SIZE, b, wide) for b in (0.0, balance)] for name in clock}
print(f"{balance:.0f} operations in the time of a byte\n{'':12s}{'clock':>8s}{'operations':>14s}{'+ bytes':>14s}")
for name, pair in counted.items():
    told = "".join(f"{value:7.2f} ({value / clock[name] - 1:+4.0%})" for value in pair)
    print(f"{name:12s}{clock[name]:8.2f}{told}")
tested = ("first 2", "first 4", "last 2", "last 4")
off = [np.mean([abs(counted[name][k] / clock[name] - 1) for name in tested]) for k in (0, 1)]
ends = min([*clock.values(), *(value for pair in counted.values() for value in pair)]) - 0.08, 1.12  # of the axes

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, axes = plt.subplots(figsize=(6.6, 6.4), layout="constrained")
    axes.plot(ends, ends, color="0.5", lw=1)
    for name, pair in counted.items():
        look = LOOKS.get(name.split()[0], 6)
        axes.plot(pair, [clock[name]] * 2, color=COLOURS[look], lw=1)
        for value, fill in zip(pair, ({}, {"mfc": "white"}), strict=True):
            axes.plot(value, clock[name], MARKERS[look], color=COLOURS[look], ms=9 if not fill else 5, **fill)
        aside, ha = ((10, -3), "left") if name.startswith("last") else ((-10, 6), "right")
        aside, ha = ((0, 14), "center") if name == "first 4" else (aside, ha)  # or it would lie on first 2
        axes.annotate(name, (np.mean(pair), clock[name]), aside, textcoords="offset points", ha=ha, fontsize=11)
    axes.set(title="filled: operations alone · small, white: with bytes", xlim=ends, ylim=ends, aspect="equal")
    axes.set(xlabel="counted (everything = 1)", ylabel="by the clock (everything = 1)")
plt.show()
usft.alt(f"for the four that test it, operations alone are off by {off[0]:.0%} on average, with bytes by {off[1]:.0%}.")

# %% [markdown]
# First 4 and last 4 take equally many operations. Do they take equally long? The decoder's last groups work at full
# resolution, where most of the bytes are. If 0 operations fit into the time of a byte, bytes cost nothing here, or the
# clock was disturbed. Eight steps are few: for a number to report, run `python benchmarks/cost.py` on idle cores. It
# times ten strategies for thirty rounds.
#
# ## How many images, live
#
# Now the other price. Four trainings on simulated breasts: with 10 images and with 40, from the X-ray network and from
# scratch, all layers learning. The ten lie inside the forty. All four take the same number of steps, so the ten are
# seen four times as often.

# %% tags=["train"]
pool = usft.simulate_ultrasound(40, size=SIZE, seed=112, preset="breast")
test = usft.simulate_ultrasound(60, size=SIZE, seed=113, preset="breast")
rows = {}
for n in (10, 40):
    train = pool.subset(n, seed=0)
    torch.manual_seed(0)
    for start, model in {"X-rays": deepcopy(source), "scratch": usft.UNet(width=16, depth=4)}.items():
        usft.fit(model, train, steps=STEPS, lr=LR, seed=0, progress=False)
        rows.setdefault(f"from {start}", {})[f"n = {n}"] = usft.evaluate(model, test)["dice"].mean()
    shape = usft.score(usft.mean_shape(train), test)["dice"].mean()
    rows.setdefault("mean shape", {})[f"n = {n}"] = shape
print(pd.DataFrame(rows).T.to_string(float_format="{:.3f}".format))
usft.check_range(max(rows["from X-rays"].values()), 0.3, 0.95, "Dice of the better X-ray start")

# %% [markdown]
# Compare down a column: what is the X-ray past worth? Compare along a row: what are thirty more outlines worth? One
# seed decides neither, and so few steps are hard on a network that begins with nothing.
#
# ## The study
#
# From here on everything comes from the study's tables, made by `python data_scripts/run_study.py --grid NAME`. By the
# protocol a grid that is **not complete gives no verdict**: whoever could stop it where it suits would choose the
# result. The cell below says how much of each is there. *headline* only adds seeds to *schemes*, so it counts whole or
# not at all.

# %% tags=["train"]
records, whole = {}, {}
for name in ("schemes", "headline", "sizes", "origins", "xray"):
    found = usft.results(name)
    records[name], whole[name] = found.records, not found.missing
    print(f"{name:9s}{len(found.records):4d} of {len(found.records) + found.missing} planned experiments")
schemes = records["schemes"] + (records["headline"] if whole["headline"] else [])


# %% tags=["train"]
def at_hand(*names):
    """Are there any records of these grids? If not, a line says so."""
    missing = [name for name in names if not records[name]]
    if missing:
        print(f"not run yet, so there is nothing to show: {', '.join(missing)}")
    return not missing


def said(verdict, *names):
    """The verdict, if all of these grids are complete."""
    return verdict if all(whole[name] for name in names) else "no verdict: not complete"


# %% [markdown]
# ## Dice against the number of images
#
# Fetal heads (`hc18`), one image an examination, five seeds. 10, 40 and 160 images got 300 steps of 8 each, with a
# rate that decays to zero, so ten images are seen 240 times and 160 images 15 times. **The hollow markers are another
# protocol**: all 586 heads that are left, 900 steps at a constant rate, averaged weights. They are not joined to the
# curves, since a difference between them has two causes. And there all seeds share the same heads: their bars say
# nothing of the luck of the draw.

# %% tags=["train"]
LINED = (10, 40, 160)


def heads(n, start="xray"):
    """The study's fetal heads with n training images, from this start."""
    every = Results(records["sizes"] + records["schemes"] + records["origins"])
    return every.where(target="hc18", n=n, source=start, statistics="kept")


told = {}  # (mean, low, high, seeds) by name and n
for n in (*LINED, ALL_HEADS):
    for name in ("everything", *FOUR, "from scratch"):
        found, strategy = (heads(n, "scratch"), "everything") if name == "from scratch" else (heads(n), name)
        if found.seeds("hc18", [strategy]):
            told[name, n] = found.dice("hc18", strategy)

# %% tags=["train"]
looks = {"everything": (COLOURS[6], "X", "-"), "from scratch": ("0.5", "v", ":")}
for name in FOUR:
    kind = LOOKS[name.split()[0]]
    looks[name] = (COLOURS[kind], MARKERS[kind], ("-", "--")[kind])


def against_n(axes, name, place):
    """One strategy's Dice against n: joined with a band, and hollow where it is another protocol."""
    (colour, marker, line), ns = looks[name], [n for n in LINED if (name, n) in told]
    means, lows, highs = ([told[name, n][part] for n in ns] for part in range(3))
    axes.fill_between(ns, lows, highs, color=colour, alpha=0.15, linewidth=0)
    axes.plot(ns, means, line, color=colour, marker=marker, lw=2, ms=7, label=name)
    for mean, low, high, _ in [told[name, ALL_HEADS]] if (name, ALL_HEADS) in told else []:
        x = ALL_HEADS * 1.1 ** (place - 1.5)  # beside each other, not over each other
        axes.plot([x, x], [low, high], color=colour, lw=1.5)
        axes.plot(x, mean, marker, color=colour, mfc="white", ms=8)


# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(1, 2, figsize=(12, 5), layout="constrained", sharey=True)
    for k, axes in zip((2, 4), panels, strict=True):
        for place, name in enumerate(("everything", f"first {k}", f"last {k}", "from scratch")):
            against_n(axes, name, place)
        axes.set(xscale="log", xlabel="training images n", title=f"k = {k}")
        axes.set_xticks([*LINED, ALL_HEADS], [*LINED, ALL_HEADS])
        axes.set_xticks([], minor=True)
        axes.legend(frameon=False, loc="lower right")
    figure.supylabel("Dice on 160 other examinations, 95 % band", fontsize=12)
    figure.suptitle("How many outlined heads? (hollow: another protocol)", fontsize=13)
plt.show()
for n in sorted({n for _, n in told}):
    ranked = sorted((value[0], name) for (name, there), value in told.items() if there == n)
    usft.alt(f"n = {n}: {' < '.join(f'{name} {mean:.3f}' for mean, name in ranked)}.")

# %% [markdown]
# Read it in two ways. **Upwards**, at one n: does the order of the strategies hold at every n? **Sideways**, at one
# Dice: if *first 4* at n = 40 is as high as *from scratch* at n = 160, then the X-ray past has saved 120 outlines. That
# is the currency in which pretraining pays, if it pays.
#
# ## Does the choice matter more with few images?
#
# **Claim 9** says so. The obvious number is the best strategy less the worst, at n = 10 and at n = 160. It has a flaw.
# Below are four strategies that are *exactly equal*, but for noise, in 2000 invented studies of five seeds.

# %%
# NBVAL_CHECK_OUTPUT
chance = np.random.default_rng(11)
for noise in (0.01, 0.03):
    studies = chance.normal(0.9, noise, size=(2000, 4, 5))  # study, strategy, seed
    spread = np.ptp(studies.mean(axis=2), axis=1)  # the best mean less the worst, study by study
    print(f"noise of {noise:.2f} a seed: best − worst of four equal strategies is {spread.mean():.3f} on average")

# %% [markdown]
# The largest of noisy numbers is too large, the smallest is too small, and more noise makes it worse. With ten images
# there may well be more noise: it matters which ten. Then the obvious number would confirm the claim even where the
# choice does not matter at all.
#
# The remedy: who chooses is not paid. **The other seeds choose** the best and the worst strategy, and **the seed that
# was left out says by how much** they differ. Every seed is left out once.
#
# ## Exercise 12.2: an honest spread
#
# Write `honest_spread(dice)`, where `dice` is a table with a row a strategy and a column a seed. For each seed: let the
# means over the *other* seeds choose the best and the worst strategy, and take their difference in the seed left out.
# Return the mean of these differences.
#
# <details><summary>Hint 1</summary>
#
# `np.delete(dice, seed, axis=1)` is the table without one column.
# </details>
# <details><summary>Hint 2</summary>
#
# If the choice was luck, the best of the others is not the best here, and the difference may well be below zero. That
# is as it should be: over many studies of equal strategies, the mean is then 0.
# </details>


# %%
def honest_spread(dice):
    """Best less worst strategy, chosen by the other seeds and measured in the one left out; mean over seeds."""
    # BEGIN SOLUTION for each seed choose best and worst by the others' means, and measure in the seed itself
    dice, apart = np.asarray(dice), []
    for seed in range(dice.shape[1]):
        others = np.delete(dice, seed, axis=1).mean(axis=1)
        apart.append(dice[others.argmax(), seed] - dice[others.argmin(), seed])
    return np.mean(apart)
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
            "the last seed made the second row look best. It may not choose that row and be paid for it as well: the "
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
    table = pd.DataFrame(dice)
    left = [table[s] for s in table]
    means = [table.drop(columns=s).mean(axis=1) for s in table]
    return sum(one[m.idxmax()] - one[m.idxmin()] for one, m in zip(left, means, strict=True)) / len(left)
# END RIGHT

# %% [markdown]
# The library's `claims.scarcity` does this with the study's records, examination by examination, and gives the
# interval over seeds and examinations. Compare the two numbers below. By how much did noise flatter the obvious one?

# %% tags=["train"]
spread = {}
for n in (10, 160):
    means = {name: told[name, n][0] for name in FOUR if (name, n) in told}
    if len(means) == len(FOUR):
        spread[n] = max(means.values()) - min(means.values())
        print(f"n = {n:3d}: {', '.join(f'{a} {b:.3f}' for a, b in means.items())}; best − worst {spread[n]:.3f}")
if len(spread) == 2:
    print(f"the obvious number, the difference of the two: {spread[10] - spread[160]:+.3f}")
for line in scarcity(Results(records["sizes"])) if at_hand("sizes") else []:
    honest = f"{line.mean:+.3f} ({line.low:+.3f}…{line.high:+.3f}), {line.seeds} seeds"
    print(f"claim 9, honestly: {honest}   {said(line.said, 'sizes')}")
print(f"12.b, your guess: {usft.guesses().get('12.b', '… none')}")

# %% [markdown]
# ## How many steps to the plateau?
#
# "Faster" needs a finish line. Ours, fixed before the runs (`usft_lib/intervals.py`): train at a constant rate, look
# at a running average of the weights every 10 steps, on the 60 examinations on which learning rates were chosen, not
# on those of the test. The **plateau** is the mean of the last fifth of *full tuning's* curve, with the same seed. A
# strategy **arrives** at the first step from which three looks in a row are within 0.01 of that plateau. One look
# would not do: curves wobble, and the first lucky look would win.
#
# ## Exercise 12.3: when did it arrive?
#
# Write `time_to_plateau(curve, plateau)`. `curve` is a list of pairs `(step, dice)`. Return the first step from which
# three looks in a row are at least `plateau − 0.01`, and `None` if there is none.
#
# <details><summary>Hint 1</summary>
#
# Make a list of `True` and `False` first: is this look near enough?
# </details>
# <details><summary>Hint 2</summary>
#
# Three in a row can begin at the third look from the end at the latest.
# </details>


# %%
def time_to_plateau(curve, plateau):
    """The first step from which three looks in a row are within 0.01 of the plateau, or above it; None: never."""
    # BEGIN SOLUTION mark the looks that are near enough, and find the first three marks in a row
    near = [dice >= plateau - 0.01 for _, dice in curve]
    for k in range(len(near) - 2):
        if near[k] and near[k + 1] and near[k + 2]:
            return curve[k][0]
    return None
    # END SOLUTION


# %%
# @title Check 12.3
# BEGIN CHECK
def looks_at(*dice, every=10):
    return [(every * k, value) for k, value in enumerate(dice, start=1)]


usft.check(
    time_to_plateau,
    {
        "a smooth rise": (
            (looks_at(0.5, 0.7, 0.905, 0.909, 0.9, 0.906), 0.9),
            30,
            "the looks at steps 30, 40 and 50 are there: the first of the three is the answer, as a step.",
        ),
        "near is enough": (
            (looks_at(0.5, 0.895, 0.894, 0.896, 0.91), 0.9),
            20,
            "0.895 is within 0.01 of 0.9: near enough counts as there.",
        ),
        "above the plateau": (
            (looks_at(0.5, 0.95, 0.94, 0.96, 0.9, 0.9), 0.9),
            20,
            "better than full tuning is not too far off: above the plateau counts as well.",
        ),
        "a dip in between": (
            (looks_at(0.5, 0.91, 0.7, 0.91, 0.91, 0.7, 0.91, 0.92, 0.91), 0.9),
            70,
            "every dip starts the count of three anew: in a row, not in all.",
        ),
        "a dip afterwards": (
            (looks_at(0.5, 0.91, 0.91, 0.91, 0.7, 0.91, 0.91, 0.91), 0.9),
            20,
            "it had arrived at step 20; what comes later does not change when.",
        ),
        "there at the start": (
            (looks_at(0.91, 0.92, 0.91, 0.92, every=25), 0.9),
            25,
            "the first look may be the answer, and looks need not be 10 steps apart: read the step off the pair.",
        ),
        "never": ((looks_at(0.5, 0.6, 0.7, 0.8), 0.9), None, "None, and not the last step: it has not arrived."),
        "two looks at the end": (
            (looks_at(0.5, 0.6, 0.7, 0.91, 0.92), 0.9),
            None,
            "two looks are not three in a row, even if nothing comes after them: None.",
        ),
    },
    exercise="12.3",
)
# END CHECK

# %%
# BEGIN WRONG "in a row, not in all"
def time_to_plateau(curve, plateau):
    return next((step for step, dice in curve if dice >= plateau - 0.01), None)
# END WRONG
# BEGIN WRONG "the first of the three is the answer"
def time_to_plateau(curve, plateau):
    row = 0
    for step, dice in curve:
        row = row + 1 if dice >= plateau - 0.01 else 0
        if row == 3:
            return step
# END WRONG
# BEGIN WRONG "near is enough"
def time_to_plateau(curve, plateau):
    for a, b, c in zip(curve[:-2], curve[1:-1], curve[2:], strict=True):
        if min(a[1], b[1], c[1]) >= plateau:
            return a[0]
# END WRONG
# BEGIN WRONG "above the plateau counts"
def time_to_plateau(curve, plateau):
    for a, b, c in zip(curve[:-2], curve[1:-1], curve[2:], strict=True):
        if max(abs(x[1] - plateau) for x in (a, b, c)) <= 0.01:
            return a[0]
# END WRONG
# BEGIN WRONG "in a row, not in all"
def time_to_plateau(curve, plateau):
    near = [step for step, dice in curve if dice >= plateau - 0.01]
    return near[0] if len(near) >= 3 else None
# END WRONG
# BEGIN WRONG "what comes later does not change when"
def time_to_plateau(curve, plateau):
    for k in range(len(curve) - 2):
        if all(dice >= plateau - 0.01 for _, dice in curve[k:]):
            return curve[k][0]
# END WRONG
# BEGIN WRONG "read the step off the pair"
def time_to_plateau(curve, plateau):
    near = [dice >= plateau - 0.01 for _, dice in curve]
    for k in range(len(near) - 2):
        if all(near[k : k + 3]):
            return 10 * (k + 1)
# END WRONG
# BEGIN WRONG "two looks are not three"
def time_to_plateau(curve, plateau):
    near = [dice >= plateau - 0.01 for _, dice in curve]
    for k in range(len(near)):
        if all(near[k : k + 3]):
            return curve[k][0]
# END WRONG
# BEGIN WRONG "not the last step"
def time_to_plateau(curve, plateau):
    near = [dice >= plateau - 0.01 for _, dice in curve]
    for k in range(len(near) - 2):
        if all(near[k : k + 3]):
            return curve[k][0]
    return curve[-1][0]
# END WRONG
# BEGIN RIGHT
def time_to_plateau(curve, plateau):
    steps, dice = np.array(curve).T
    near = dice >= plateau - 0.01
    three = near[:-2] & near[1:-1] & near[2:]
    return int(steps[three.argmax()]) if three.any() else None
# END RIGHT
# BEGIN RIGHT
def time_to_plateau(curve, plateau):
    row = []
    for step, dice in curve:
        row = [*row, step] if dice >= plateau - 0.01 else []
        if len(row) == 3:
            return row[0]
# END RIGHT
# BEGIN RIGHT
def time_to_plateau(curve, plateau):
    table = pd.DataFrame(curve, columns=["step", "dice"])
    lowest = table["dice"].rolling(3).min().shift(-2)
    found = table["step"][lowest >= plateau - 0.01]
    return torch.tensor(found.iloc[0]) if len(found) else None
# END RIGHT

# %% [markdown]
# All 586 heads, five seeds. The library's `steps_to_plateau` is what you just wrote. On the left the way up, near the
# top; on the right every arrival. A run that never arrives counts with its last step, 900 (hollow): to leave it out
# would flatter the slow. The mean of such times is called a **restricted mean** (Royston and Parmar, 2013).

# %% tags=["train"]
from_xray, alone = heads(ALL_HEADS), heads(ALL_HEADS, "scratch")
watched = {name: from_xray.curves("hc18", name) for name in ("everything", *FOUR)}
watched["from scratch"] = alone.curves("hc18", "everything")
goals = {seed: plateau_level(curve) for seed, curve in watched["everything"].items()}
end = max((curve[-1][0] for curve in watched["everything"].values()), default=0)
times = {name: {seed: steps_to_plateau(curves[seed], goals[seed]) for seed in sorted(goals) if seed in curves}
         for name, curves in watched.items()}  # fmt: skip
times = {name: by_seed for name, by_seed in times.items() if by_seed}
top = sum(goals.values()) / max(len(goals), 1)
mean_step = {name: restricted_mean(list(by_seed.values()), end) for name, by_seed in times.items()}
for name, mean in mean_step.items():
    steps = list(times[name].values())
    print(f"{name:13s}{len(steps) - steps.count(None)} of {len(steps)} arrived; mean step {mean:3.0f}; each: {steps}")

# %% tags=["train"]
def way_up(axes, name):
    """Validation curves of one strategy: thin each seed's, thick their mean."""
    curves, (colour, marker, line) = list(watched[name].values()), looks[name]
    for curve in curves:
        axes.plot(*zip(*curve, strict=True), color=colour, lw=0.8, alpha=0.3)
    if curves:
        steps, means = np.mean(curves, axis=0).T
        axes.plot(steps, means, line, color=colour, marker=marker, markevery=10, lw=2.2, label=name)


# %% tags=["train"]
def arrivals(axes, row, name):
    """When each seed of a strategy arrived; a bar at the restricted mean."""
    (colour, marker, _), steps = looks[name], list(times[name].values())
    for place, step in enumerate(steps):
        height = -row + 0.1 * (place - (len(steps) - 1) / 2)  # seeds that arrive together lie side by side
        fill = {"mfc": "white"} if step is None else {}
        axes.plot(end if step is None else step, height, marker, color=colour, ms=7, **fill)
    axes.plot([mean_step[name]] * 2, [-row - 0.35, -row + 0.35], color="black", lw=2, zorder=1)


# %% tags=["train", "curves"]
if at_hand("sizes") and goals:
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(12.5, 4.8), layout="constrained")
        way_up(left, "everything")
        way_up(left, "first 4")
        left.axhspan(top - NEAR, top, color="0.85", zorder=0, label="plateau of everything, less 0.01")
        left.set(xlabel="training step", ylabel="Dice on 60 validation examinations", ylim=(top - 0.14, top + 0.03))
        left.legend(frameon=False, loc="lower right")
        for row, name in enumerate(times):
            arrivals(right, row, name)
        right.set_yticks(range(0, -len(times), -1), list(times))
        right.set(xlabel="step of arrival (bar: restricted mean; hollow: never)", xlim=(0, end * 1.04))
        figure.suptitle("When is it as good as it gets? All heads, one mark a seed", fontsize=13)
    plt.show()
    usft.alt("mean step of arrival: " + ", ".join(f"{name} {mean:.0f}" for name, mean in mean_step.items()) + ".")

# %% [markdown]
# **Claim 7**: with many images, the contracting path arrives sooner than everything. First 4 decides, the others stand
# beside it. The number is steps saved, so above zero means sooner; *reproduced* if all of the interval over seeds is
# above zero, *reversed* if all of it is below. Where no run of a strategy arrives, the number is a bound: it saves this
# much *or less*. Beside it is another question, each strategy to *its own* plateau. If everything itself does not
# arrive with every seed, there is no verdict.

# %% tags=["train"]
if at_hand("sizes"):
    for line in speed(Results(records["sizes"])):
        words, digits = "" if line.secondary else said(line.said, "sizes"), 0 if line.unit == "steps" else 1
        mean, low, high = (f"{value:+.{digits}f}" for value in (line.mean, line.low, line.high))
        ends = f"{line.bound} {mean}" if line.bound else f"{mean} ({low}…{high})"
        print(f"{line.words}\n    {ends} {line.unit} saved, {line.seeds} seeds   {words}")

# %% [markdown]
# Steps are one currency of three. In the table, a strategy's share of what *everything* needs: of the steps (seed by
# seed, then the geometric mean), of the operations (steps × count), of the seconds (steps × your clock above). Does
# anything save steps and lose them again by dear steps, or the other way round?

# %% tags=["train"]
share = {}  # of everything's steps: mean, low, high
for name, by_seed in times.items():
    pairs = [(end if s is None else s, times["everything"][seed] or end) for seed, s in by_seed.items()]
    if len(pairs) > 1:
        share[name] = np.exp(over_folds([[np.log(one / other)] for one, other in pairs]))
if at_hand("sizes") and share:
    print(f"{'share of':13s}{'steps':>7s}{'95 % interval':>17s}{'operations':>12s}{'seconds':>9s}")
for name, (mean, low, high) in share.items():
    groups = named(net, "everything" if name == "from scratch" else name)
    dear, slow = relative(net, groups), clock.get(name, 1.0)
    print(f"{name:13s}{mean:7.2f}{f'{low:.2f}…{high:.2f}':>17s}{mean * dear:12.2f}{mean * slow:9.2f}")

# %% [markdown]
# Two remarks. A strategy whose plateau lies *below* that of everything may never arrive, and its share then says little
# but "longer than we waited". And *from scratch* stands here for a reason: what pretraining gives with many images may
# be speed, not height (Karimi and others, 2021). Is that so here?
#
# ## Is "not different" the same as "equal"?
#
# **Claim 6**: training first 4, or the two outer levels, is *as good as* training everything. It is tempting to argue:
# the interval of the difference holds 0, no significant difference, so they are equal. But the less you measure, the
# wider the interval, and the surer you would be to find them "equal".
#
# Equality needs a margin, fixed beforehand: here 0.02 Dice. **Equivalent** if *all* of the interval lies within ±0.02;
# **not equivalent** if all of it lies outside; else undecided. A difference may then be significant *and* too small to
# matter.

# %% tags=["train", "curves"]
found, equal = Results(schemes), {}
for one, other in (("everything", "first 4"), ("everything", "outer 2")):
    lines = {target: found.difference(target, one, other) for target in found.targets}
    equal[f"{one} − {other}"] = {target: line for target, line in lines.items() if line}
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(1, 2, figsize=(11.5, 3.6), layout="constrained", sharex=True, sharey=True)
    for axes, (title, lines) in zip(panels, equal.items(), strict=True):
        axes.axvspan(-0.02, 0.02, color=COLOURS[5], alpha=0.25, zorder=0)
        intervals(axes, {target: line[:3] for target, line in lines.items()})
        axes.set_title(title)
    figure.suptitle("Is all of an interval inside the band of ±0.02?", fontsize=12)
plt.show()
for title, lines in equal.items():
    within = ", ".join(t for t, (_, low, high, _) in lines.items() if -0.02 < low and high < 0.02) or "no target"
    usft.alt(f"{title}: the interval lies inside ±0.02 on {within}.")

# %% tags=["train"]
for title, lines in equal.items():
    for target, (mean, low, high, seeds) in lines.items():
        zero = "0 is inside" if low <= 0 <= high else "0 is outside"
        words = said(equivalence(mean, low, high, seeds), "schemes")
        print(f"{title:21s} {target:15s}{mean:+.3f} ({low:+.3f}…{high:+.3f}), {seeds:2d} seeds, {zero:13s} {words}")

# %% [markdown]
# Look for two kinds of lines: *0 is inside* without equivalence (too few images to say), and *0 is outside* with
# equivalence (surely different, and it does not matter).
#
# ## Is pretraining worth it?
#
# **Claim 10**. Four rivals of the X-ray weights: no weights at all; a *random* encoder that stays frozen while the rest
# learns; a *random* frozen decoder; and weights from photographs of horses, also made by this course. Random halves get
# fitting normalisation statistics first, else their signals would fade. Karimi and others (2021)
# found that a frozen random encoder does well. Does it here?

# %% tags=["train"]
rivals = {}
for line in pretraining(*(Results(records[name]) for name in ("schemes", "origins", "xray"))):
    title = line.words.partition(": ")[2]
    rivals.setdefault(title, {})[line.target] = line
    words = said(line.said, "schemes", "xray" if "photographs" in title else "origins")
    print(f"{title}, {line.target}")
    print(f"    {line.mean:+.3f} ({line.low:+.3f}…{line.high:+.3f}), {line.seeds} seeds   {words}")

# %% tags=["train", "curves"]
if at_hand("origins"):
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(2, 2, figsize=(12, 6.4), layout="constrained", sharex=True)
        for axes, (title, lines) in zip(panels.flat, rivals.items(), strict=False):
            intervals(axes, {target: (line.mean, line.low, line.high) for target, line in lines.items()})
            axes.set_title(title.replace(" − ", " −\n"), fontsize=12)
            axes.set_xlabel("")
        for axes in panels.flat[len(rivals) :]:
            axes.set_axis_off()
        figure.supxlabel("difference in Dice, 95 % interval (right of 0: X-ray weights are ahead)", fontsize=12)
    plt.show()
    for title, lines in rivals.items():
        ahead = ", ".join(target for target, line in lines.items() if line.low > 0) or "no target"
        behind = ", ".join(target for target, line in lines.items() if line.high < 0) or "none"
        usft.alt(f"{title}: all of the interval is above 0 on {ahead}; below 0 on {behind}.")

# %% [markdown]
# Those are 40 or 50 images. The next figure follows the first rival on fetal heads from 10 images to all: everything
# from X-rays less everything from scratch. If pretraining is worth most where images are few, the dots move left as
# you go down.

# %% tags=["train", "curves"]
worth = {}
for n in (*LINED, ALL_HEADS):
    for line in pretraining(heads(n), heads(n, "scratch")):
        worth[n] = line
if at_hand("sizes") and worth:
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
        names = {n: f"n = {n}" + " (other protocol)" * (n == ALL_HEADS) for n in worth}
        intervals(axes, {names[n]: (line.mean, line.low, line.high) for n, line in worth.items()})
        axes.set_title("Fetal heads: everything from X-rays − from scratch")
    plt.show()
    usft.alt("X-rays less scratch: " + ", ".join(f"{line.mean:+.3f} at n = {n}" for n, line in worth.items()) + ".")

# %% [markdown]
# ## The sealed predictions
#
# In lesson 00 you sealed three guesses about real fetal heads. The first answer has stood in lessons 08 and 10; the
# other two come from this one. An interval that does not hold your guess is what you can learn from most: what had you
# thought that was not so?

# %% tags=["train"]
answers = dict.fromkeys(("00.b", "00.c", "00.d"), "not run yet")
if line := Results(schemes).difference("hc18", "first 4", "last 4"):
    answers["00.b"] = f"{line[0]:+.3f} ({line[1]:+.3f}…{line[2]:+.3f}), {line[3]} seeds {said('', 'schemes')}"
if line := worth.get(10):
    answers["00.c"] = f"{line.mean:+.3f} ({line.low:+.3f}…{line.high:+.3f}), {line.seeds} seeds {said('', 'sizes')}"
if "first 4" in share:
    mean, low, high = share["first 4"] * clock["first 4"]
    missing = [step for name in ("first 4", "everything") for step in times[name].values()].count(None)
    answers["00.d"] = f"{mean:.2f} ({low:.2f}…{high:.2f}), {len(times['first 4'])} seeds {said('', 'sizes')}"
    answers["00.d"] += f"; {missing} of both never arrived" if missing else ""
asked = ("contracting − expanding, 40 images", "X-rays − scratch, 10 images", "seconds, contracting / everything")
for (key, answer), question in zip(answers.items(), asked, strict=True):
    print(f"{key} {question}\n     you: {usft.guesses().get(key, '… none')}\n     study: {answer}")

# %% [markdown]
# The interval of 00.d is over seeds, for the steps; the clock is yours, taken as exact. If runs did not arrive, the
# share counts them with the last step.

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
One student trains `enc1` alone, another `dec1` and the head. Both say: we train almost nothing, so our steps are almost
free. Who is right?

- [ ] Both: a step costs what its trained parameters cost.
  Both pay the whole forward pass, and the first one nearly the whole way back as well.
- [x] Neither, and the first one waits longer.
  The forward pass is the same for all. The gradient must cross everything to reach `enc1`, and stops early at `dec1`.
- [ ] The first one: `enc1` is the smallest group but one.
  Its own weights are cheap. What is dear is the gradient's way to them, through all that lies behind.
""")

# %%
# @title Question 2
usft.Quiz("""
With ten images, the best of eight strategies is 0.06 Dice above the worst; with a thousand, 0.02. Somebody concludes
that the choice matters more with few images. What do you ask for first?

- [ ] More strategies: eight are too few to find the best and the worst.
  With more of them, the best less the worst grows by luck alone, whatever the truth is.
- [ ] A test of the best against the worst at n = 10.
  They were picked for lying far apart, so such a test finds a difference too easily.
- [x] How far one and the same strategy moves from seed to seed, at either n.
  The largest less the smallest of noisy numbers is large by noise, and with ten images there may be more of it.
""")

# %%
# @title Question 3
usft.Quiz("""
Eight test images, two strategies, p = 0.6. "No significant difference, so we take the cheaper one, which is as good."
What would make this right?

- [x] A margin named beforehand, and an interval that lies inside of it.
  Then "as good" has a meaning, and the data can speak against it. Eight images could hardly have shown 0.1 Dice.
- [ ] A larger p, such as 0.9.
  No p shows that two things are equal. With few images, almost any truth gives a large one.
- [ ] Nothing: it is right as it stands.
  Taking the cheaper one may be a wise bet. As a finding it rests on eight images that could show next to nothing.
""")

# %% [markdown]
# ## What this does not show
#
# * **Your hardware, your network.** The count holds for this U-Net, the clock for the machine under your fingers. The
#   study's own runs folded frozen normalisation into its convolutions, which makes first 1 to 4 a little quicker still.
# * **More steps for more images.** 10, 40 and 160 images got equal steps; a longer schedule might use 160 better.
# * **The best rate for the plateau.** The rate was chosen for 300 steps that decay, and used for 900 that do not.
# * **Other tasks.** The curves against n are about fetal heads, which are large and all alike. Lesions are neither.
# * **What the paper timed.** Its definition of *faster* is not known to us. A verdict here is on *our reconstruction*.

# %% [markdown]
# ## Recap
#
# * A step: forward always, weights where trained, inputs behind the first trained one. Frozen is not free.
# * Steps, operations and seconds are three currencies. Say which one you mean, and measure the last.
# * Best less worst is inflated by noise: who chooses is not paid. "Not different" is not "equal": name a margin.

# %% [markdown]
# ## Further reading
#
# * Amiri, Brooks and Rivaz, IEEE TUFFC 67(12), 2020,
#   [doi 10.1109/TUFFC.2020.3015081](https://doi.org/10.1109/TUFFC.2020.3015081).
# * Karimi et al., 2021, [PMC8164174](https://pmc.ncbi.nlm.nih.gov/articles/PMC8164174/): transfer mostly speeds
#   training up, and a frozen random encoder does well. Raghu et al., "Transfusion", 2019,
#   [arXiv 1902.07208](https://arxiv.org/abs/1902.07208): what transfer gives in medical imaging.
# * Zakazov et al., 2021, [arXiv 2107.04914](https://arxiv.org/abs/2107.04914): which layers depends on how much data.
#   Cheng et al., 2021, [arXiv 2110.02196](https://arxiv.org/abs/2110.02196): full tuning slightly ahead on lung
#   ultrasound.
# * Royston and Parmar, 2013, [doi 10.1186/1471-2288-13-152](https://doi.org/10.1186/1471-2288-13-152): the restricted
#   mean. Polyak and Juditsky, 1992, [doi 10.1137/0330046](https://doi.org/10.1137/0330046): averaging the weights.
# * Altman and Bland, "Absence of evidence is not evidence of absence", BMJ 311:485, 1995,
#   [doi 10.1136/bmj.311.7003.485](https://doi.org/10.1136/bmj.311.7003.485).
