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
import random
from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display

import usft_lib as usft
from usft_lib.freezing import path
from usft_lib.study.claims_13_to_15 import finds, gradients
from usft_lib.study.grids import ALONE

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": three trainings, longer
SEED = 0
SIZE = 96  # pixels a side
STEPS, TRAININGS = (300, 3) if PROFILE == "full" else (150, 1)

# %% [markdown]
# So far we found good layers by trying. Each try costs a training, and the best of many tries is partly lucky (lesson
# 09). Could we ask the network instead, *before* any training? It takes one look at the images to compute a gradient.
# Perhaps the layers with the largest gradient are the ones to train.
#
# Lee and others (2022) had this idea, for networks that name what they see. In this lesson you write it, see where it
# can fail, race it, and read what the study found.
#
# ## Guess first
#
# The path has nine steps: `enc1` … `enc4`, `bottleneck`, `dec4` … `dec2`, and `dec1` with the head. The study let the
# network choose four of them, and trained these four. It also trained four random sets of four steps.
#
# * **14.a** By how much Dice is the network's choice ahead of the random sets on fetal heads, on average?
# * **14.b** Take two steps at random. How often does the step with the larger gradient also gain more if it is trained
#   alone? From 0 (never) over 0.5 (chance) to 1 (always).

# %%
usft.guess("14.a", ...)  # the network's four minus the random fours, Dice
usft.guess("14.b", ...)  # from 0 to 1

# %% [markdown]
# ## Gradient against weight
#
# The gradient of the loss says how much the loss changes when a weight moves a little. Groups with many weights have
# longer gradients, and large weights need larger moves. So the gradient is compared with the weights themselves. The
# **gradient-to-weight ratio** of a group, with all its convolution weights $W$, is
#
# $$\text{ratio} = \frac{\lVert \partial L / \partial W \rVert}{\lVert W \rVert}$$
#
# $\lVert\cdot\rVert$ is the length of *all* the group's numbers together: square them, add them up, take the root.
# Biases and normalisation do not count. A bias near zero has a huge ratio only because it is near zero.
#
# ### Exercise 14.1 · The ratio of a group
#
# A backward pass has been done, so `parameter.grad` is there. Write `ratio(group)`: the length of the gradient of all
# convolution weights in this module, divided by the length of these weights. Up-convolutions (`ConvTranspose2d`) are
# convolutions, too. Return a number.
#
# <details><summary>Hint 1</summary>
#
# `group.modules()` lists all layers inside. Ask each for its kind: `isinstance(layer, torch.nn.Conv2d)`. Names do not
# help: here a normalisation is called `enc1.1`.
# </details>
# <details><summary>Hint 2</summary>
#
# First add up the squares over all layers, and take the root once, at the end.
# </details>

# %%
KINDS = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)


def ratio(group):
    """Length of the gradient of a group's convolution weights, by theirs."""
    # BEGIN SOLUTION all weights of a group together: squares, sum, root
    weights = [layer.weight for layer in group.modules() if isinstance(layer, KINDS)]
    asked = sum((weight.grad**2).sum() for weight in weights)
    own = sum((weight.detach() ** 2).sum() for weight in weights)
    return float((asked / own) ** 0.5)
    # Why: one length for the whole group; a mean of ratios would count a small layer as much as a large one.
    # END SOLUTION


# %%
# @title Check 14.1
# BEGIN CHECK
def group_with_gradients(seed, layers):
    """Layers whose weights and gradients are drawn at random."""
    rng = np.random.default_rng(seed)
    module = torch.nn.Sequential(*layers)
    for k, parameter in enumerate(module.parameters()):
        parameter.data = torch.tensor(rng.normal(0, 0.3 + 0.1 * k, parameter.shape), dtype=torch.float32)
        parameter.grad = torch.tensor(rng.normal(0, 0.02 + 0.5 * k, parameter.shape), dtype=torch.float32)
    return module


def reference(module):
    """By numpy, over the weights with four axes: only convolutions have those."""
    pairs = [(p.detach().numpy(), p.grad.numpy()) for p in module.parameters() if p.ndim == 4]
    return np.sqrt(sum((g**2).sum() for _, g in pairs) / sum((w**2).sum() for w, _ in pairs))


def plain(value):
    """One number, wherever it lies."""
    return float(torch.as_tensor(value).detach().cpu())


conv, up = torch.nn.Conv2d, torch.nn.ConvTranspose2d
made = {
    "one convolution": group_with_gradients(1, [conv(3, 5, 3, bias=False)]),
    "with a bias": group_with_gradients(2, [conv(3, 5, 3)]),
    "with a normalisation": group_with_gradients(3, [conv(3, 5, 3, bias=False), torch.nn.BatchNorm2d(5)]),
    "two convolutions": group_with_gradients(4, [conv(3, 5, 3, bias=False), conv(5, 2, 1, bias=False)]),
    "an up-convolution": group_with_gradients(5, [up(4, 3, 2, 2), conv(3, 3, 3), torch.nn.BatchNorm2d(3)]),
    "layers inside layers": group_with_gradients(6, [torch.nn.Sequential(conv(3, 5, 3), torch.nn.ReLU())]),
}
hints = {
    "one convolution": "the root of the sum of squares, of the gradient above and of the weight below; one number.",
    "with a bias": "biases do not count: take layer.weight, not all parameters.",
    "with a normalisation": "a BatchNorm2d has a weight as well, which does not count: go by the kind of layer.",
    "two convolutions": "the length of both together: add up squares over all layers before you divide.",
    "an up-convolution": "a ConvTranspose2d is a convolution, too.",
    "layers inside layers": "group.modules() also finds layers inside other modules.",
}


def right(name):
    return lambda value: abs(plain(value) / reference(made[name]) - 1) < 1e-4


usft.check(
    lambda name, ratio=ratio: ratio(made[name]),
    {name: ((name,), right(name), hint) for name, hint in hints.items()},
    exercise="14.1",
)
# END CHECK

# %%
# BEGIN WRONG "the root of the sum of squares"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if isinstance(layer, KINDS)]
    return float(sum((w.grad**2).sum() for w in weights) / sum((w**2).sum() for w in weights))
# END WRONG
# BEGIN WRONG "the root of the sum of squares"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if isinstance(layer, KINDS)]
    return float(sum(w.grad.abs().sum() for w in weights) / sum(w.abs().sum() for w in weights))
# END WRONG
# BEGIN WRONG "of the gradient above"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if isinstance(layer, KINDS)]
    return float((sum((w**2).sum() for w in weights) / sum((w.grad**2).sum() for w in weights)) ** 0.5)
# END WRONG
# BEGIN WRONG "biases do not count"
def ratio(group):
    parameters = [p for layer in group.modules() if isinstance(layer, KINDS) for p in layer.parameters()]
    return float((sum((p.grad**2).sum() for p in parameters) / sum((p**2).sum() for p in parameters)) ** 0.5)
# END WRONG
# BEGIN WRONG "go by the kind of layer"
def ratio(group):
    weights = [p for name, p in group.named_parameters() if name.endswith("weight") and "bn" not in name]
    return float((sum((w.grad**2).sum() for w in weights) / sum((w**2).sum() for w in weights)) ** 0.5)
# END WRONG
# BEGIN WRONG "before you divide"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if isinstance(layer, KINDS)]
    return float(np.mean([float(w.grad.norm() / w.norm()) for w in weights]))
# END WRONG
# BEGIN WRONG "before you divide"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if isinstance(layer, KINDS)]
    return float(sum(w.grad.norm() for w in weights) / sum(w.norm() for w in weights))
# END WRONG
# BEGIN WRONG "is a convolution, too"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if isinstance(layer, torch.nn.Conv2d)]
    return float((sum((w.grad**2).sum() for w in weights) / sum((w**2).sum() for w in weights)) ** 0.5)
# END WRONG
# BEGIN WRONG "inside other modules"
def ratio(group):
    weights = [layer.weight for layer in group.children() if isinstance(layer, KINDS)]
    if not weights:
        return 0.0
    return float((sum((w.grad**2).sum() for w in weights) / sum((w**2).sum() for w in weights)) ** 0.5)
# END WRONG
# BEGIN RIGHT
def ratio(group):
    weights = [p for p in group.parameters() if p.ndim == 4]
    asked = torch.cat([w.grad.flatten() for w in weights])
    return asked.norm() / torch.cat([w.flatten() for w in weights]).norm()
# END RIGHT
# BEGIN RIGHT
def ratio(group):
    weights = [layer.weight for layer in group.modules() if isinstance(layer, KINDS)]
    asked = np.concatenate([w.grad.numpy().ravel() for w in weights])
    own = np.concatenate([w.detach().numpy().ravel() for w in weights])
    return np.linalg.norm(asked) / np.linalg.norm(own)
# END RIGHT
# BEGIN RIGHT
def ratio(group):
    asked = own = 0.0
    for layer in group.modules():
        if type(layer).__name__ in ("Conv2d", "ConvTranspose2d"):
            asked += float(layer.weight.grad.norm()) ** 2
            own += float(layer.weight.norm()) ** 2
    return (asked / own) ** 0.5
# END RIGHT

# %% [markdown]
# `usft.gradient_ratio` does the same for every group. It puts the network in evaluation mode: in training mode,
# normalisation would use the statistics of the batch, and that is another function.
#
# Does the answer depend on *which* images we ask with? Here are four batches of ten, and all forty together.

# %%
source = usft.pretrained("xray-simulated")
people = usft.simulate_ultrasound(160, size=SIZE, seed=71, preset="breast")
train, val = people.split(0.5, 0.5, seed=SEED)
forty = train.subset(40, seed=SEED)
steps = path(source)  # nine; dec1 and the head are one
looks = {}
for k in range(4):
    ten = forty[list(range(10 * k, 10 * k + 10))]
    looks[f"batch {k + 1}"] = usft.gradient_ratio(source, ten, steps)
looks["all forty"] = usft.gradient_ratio(source, forty, steps)

# %% tags=["fold"]
# @title Draw the ratio of each step
usft.plots.by_group_figure(looks, "gradient ÷ weight", "simulated breasts, before training", log=True)
plt.show()
wished = sorted(looks["all forty"], key=looks["all forty"].get, reverse=True)
chosen = {name: sorted(found, key=found.get, reverse=True)[:4] for name, found in looks.items()}
print("the largest first:", ", ".join(wished))
print("batches whose four largest are the same as those of all forty:",
      sum(set(four) == set(wished[:4]) for four in list(chosen.values())[:4]), "of 4")  # fmt: skip
spread = max(looks["all forty"].values()) / min(looks["all forty"].values())
batches = [list(found.values()) for name, found in looks.items() if name != "all forty"]
print(f"between steps the ratio differs by a factor of up to {spread:.0f}, "
      f"between batches by up to {(np.max(batches, 0) / np.min(batches, 0)).max():.1f}")  # fmt: skip
usft.check_range(spread, 100, 10_000, "the largest ratio ÷ the smallest")
usft.alt("the ratio is largest at the input, smallest at the bottleneck; batches move it little, compared with that.")

# %% [markdown]
# The steps differ far more than the batches do. So the order of the steps depends little on the images we ask with. But
# is it the answer to our question?
#
# ## A trap
#
# Take a convolution and make its weights ten times as large. Its output is then ten times as large. The normalisation
# behind it divides by the standard deviation, so let us make its stored mean ten times as large, too, and its stored
# variance a hundred times. Now the two changes cancel. **Before you run the cell:** what happens to the masks, and what
# to the ratio of `enc2`?

# %%
FACTOR = 10  # change me

same = deepcopy(source).eval()
block = same.enc2  # convolution, norm, ReLU, convolution, norm, ReLU
with torch.no_grad():
    for conv, norm in ((block[0], block[1]), (block[3], block[4])):
        conv.weight *= FACTOR
        norm.running_mean *= FACTOR
        norm.running_var *= FACTOR**2

# %%
masks = [usft.segment(model, forty.images) for model in (source, same)]
changed = (masks[0] != masks[1]).float().mean()
before = usft.gradient_ratio(source, forty, steps)["enc2"]
after = usft.gradient_ratio(same, forty, steps)["enc2"]
print(f"pixels whose mask changed: {100 * changed:.3f} %")
fall = before / after
print(f"ratio of enc2: {before:.3f} before, {after:.5f} after, a {fall:.0f}th")
usft.check_range(fall / FACTOR**2, 0.98, 1.02, "its fall ÷ factor²")

# %% [markdown]
# <details><summary>What does this mean?</summary>
#
# Both networks give the same masks, so they know equally much, and `enc2` is equally right or wrong in both. Yet the
# ratio of `enc2` fell to a hundredth: the gradient is a tenth, the weights are ten times as large. So the ratio does
# not only tell what the images ask for. It also tells how large the weights happen to be, and normalisation lets them
# have any size. Large weights in front of a normalisation also learn more slowly: a step of Adam is as long as before,
# and now a tenth of the weights.
#
# So the ratio *may* find good layers. It does not have to. We need an experiment.
# </details>
#
# ## A race against chance
#
# The network chooses the four steps with the largest ratio. Its opponents are four random steps, and four that *you*
# choose. All have four steps; they have neither equally many parameters, nor do they take equally long.
#
# In the lab, set *Colour blocks by* to *gradient ÷ weight*. Choose your own four groups, name a guess, and press
# *Fine-tune*. The next cell trains the others, and *first 4* for you if you did not choose.

# %% tags=["train"]
four = wished[:4]
network = [group for step in four for group in step.split(" + ")]
drawn = random.Random(SEED + 3).sample(steps, 4)
chance = [group for step in drawn for group in step]
task = usft.Task(
    "Colour the blocks by the ratio. Then train four groups of your own choice.",
    done=lambda scores: scores["run"].notna().any(),
)
lab = usft.FreezeLab(
    source, train, val, n=40, steps=STEPS, lr=3e-3, seed=SEED, tasks=[task]
)
display(lab)

# %% tags=["train"]
lab.lab.wait()  # until what you started has ended
if not lab.runs:
    lab.run("first 4")
mine = lab.runs[0].label
others = {"the network's": network, "random": chance, "everything": "everything"}
for label, groups in others.items():
    if label not in set(lab.scores["strategy"]):
        lab.run(groups, label=label, seeds=TRAININGS)
print("the network's:", ", ".join(four))
print("random:", ", ".join(" + ".join(step) for step in drawn))
board = lab.scores.set_index("strategy")["dice"]
for name in dict.fromkeys((mine, "the network's", "random", "everything")):
    print(f"{name:15s}{board[name]:.3f}")
usft.check_range(board.max(), 0.3, 0.95, "Dice of the best")

# %% [markdown]
# One training of each, and one random set: this is an example, not a result. Choose two lines of the board to see their
# paired difference.
#
# ## What the study found
#
# **Claim 14** (ours): the ratio finds the layers. Its rule was fixed before anything ran. The study trained each step
# alone, the network's four, four random sets of four, and first 4, on two targets with five seeds. All rates come from
# the same search: the same four rates, on images that are used for nothing else. (The sets of four take the rate of
# first 4.) *Finds the layers* asks for three things on both targets:
#
# * the network's four beat the random sets, by 0.02 or more, with the interval above 0;
# * first 4, a choice without any gradient, is no better than the network's four by 0.02 or more;
# * the ratio orders the steps by what they gain alone, and does so better than their *number of parameters*.
#
# The **gain** of a step is its Dice if it is trained alone, minus the Dice of the untouched network.

# %% tags=["fold", "study"]
# @title Draw the ratio against the gain, and print the verdict
study = usft.results("ratio")
names = {"hc18": "fetal heads", "sim-ultrasound": "simulated breasts"}
ratios, gains, points = {}, {}, {}
for target, title in names.items():
    seeds = study.seeds(target, [*ALONE, "untouched", "top 4 by ratio"])
    told = [study.record(target, "top 4 by ratio", seed)["ratio"] for seed in seeds]
    ratios[target] = np.array([list(one.values()) for one in told])
    gains[target] = np.array([[study.one(target, s, seed) - study.one(target, "untouched", seed) for s in ALONE]
                              for seed in seeds])  # fmt: skip
    points[title] = {step: (ratios[target][:, k], gains[target][:, k]) for k, step in enumerate(told[0])}
usft.plots.gains_figure(points)
plt.show()
lines = gradients(study)
for line in lines:
    beside = "beside it: " if line.secondary else ""
    print(f"{beside}{names[line.target]}, {line.words}: {line.mean:+.3f} "
          f"({line.low:+.3f} to {line.high:+.3f}), {line.said}")  # fmt: skip
print("claim 14: the ratio", finds(lines))
pairs = [(a, b) for a in range(9) for b in range(a)]
agree = {}
for target in names:
    both = zip(ratios[target], gains[target], strict=True)
    agree[target] = np.mean([(r[a] > r[b]) == (g[a] > g[b]) for r, g in both for a, b in pairs])
print("how often the larger ratio has the larger gain:", ", ".join(f"{names[t]} {agree[t]:.2f}" for t in names))
print("your guesses:", usft.guesses().get("14.a", "none"), "and", usft.guesses().get("14.b", "none"))
usft.alt(f"ratio against gain, seeds as dots; the claim's verdict: the ratio {finds(lines)}.")

# %% [markdown]
# ### Exercise 14.2 · Read the verdict
#
# Set `word`: what the study says of claim 14 (the words after "the ratio"). And set `lead`: by how much the network's
# four are ahead of the random sets on simulated breasts (three digits).

# %%
# BEGIN SOLUTION some words, and the mean of one line
word = finds(lines)
lead = next(one.mean for one in lines if one.target == "sim-ultrasound" and "beat random" in one.words)
# Why: a claim with several conditions is only as good as the weakest of them.
# END SOLUTION

# %% tags=["reading"]
# @title Check 14.2
# BEGIN CHECK
ahead = {one.target: one.mean for one in lines if "the top 4 by ratio beat" in one.words}
usft.check(
    (str(word), float(lead)),
    {
        "the word": ((), lambda r: r[0].strip() == finds(lines), "the line that begins with 'claim 14: the ratio'."),
        "the lead": (
            (),
            lambda r: abs(r[1] - ahead["sim-ultrasound"]) < 6e-4,
            "the line 'simulated breasts, the top 4 by ratio beat random sets', the number before the brackets.",
        ),
    },
    exercise="14.2",
)
# END CHECK

# %%
# BEGIN WRONG "begins with 'claim 14"
word, lead = "confirmed", ahead["sim-ultrasound"]
# END WRONG
# BEGIN WRONG "before the brackets"
word, lead = finds(lines), ahead["hc18"]
# END WRONG
# BEGIN RIGHT
word, lead = " " + finds(lines), round(ahead["sim-ultrasound"], 3)
# END RIGHT

# %% [markdown]
# ## What does a wrong choice cost?
#
# Suppose that you may train one single step of the nine. You can ask the gradient, which is free. You can try all nine
# with some trainings, and take the best: this costs many trainings. Or you can draw one. The **regret** of a choice is
# the gain of the best step minus the gain of the chosen one.
#
# The trainings that choose must not be the ones that measure (lesson 12). So for each seed the *other* four choose.

# %%
def regret(gain, pick):
    """How much less the picked step gains than the best one, in each seed."""
    return [row.max() - row[k] for row, k in zip(gain, pick, strict=True)]


# %%
# NBVAL_CHECK_OUTPUT
for target, title in names.items():
    gain, asked = gains[target], ratios[target]
    others = [np.delete(gain, seed, axis=0).mean(axis=0) for seed in range(len(gain))]
    by_ratio = regret(gain, asked.argmax(axis=1))
    by_trial = regret(gain, [mean.argmax() for mean in others])
    at_random = gain.max(axis=1) - gain.mean(axis=1)
    print(f"{title}: largest gain {gain.max(axis=1).mean():.3f}, on average")
    print(f"  regret of the largest ratio  {np.mean(by_ratio):.3f}")
    print(f"  regret of the other seeds    {np.mean(by_trial):.3f}")
    print(f"  regret of a random step      {np.mean(at_random):.3f}")

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
A friend computes the ratio of all parameters whose name does not contain "bn". On our U-Net she finds that
normalisation has the largest ratio of all. What happened?

- [ ] Normalisation is what ultrasound needs most.
  Perhaps, but this number does not say so: a shift near zero makes any ratio large.
- [x] Here no name contains "bn", so nothing was left out.
  A normalisation is called `enc1.1`. Go by the kind of layer, not by its name.
- [ ] She used evaluation mode.
  This is right: in training mode the batch would change the function.
""")

# %%
# @title Question 2
usft.Quiz("""
The gradient of `enc1` is a hundred times as long as that of `enc4`. Both are trained by Adam with the same rate. Which
moves further in the first step, for each weight?

- [ ] enc1, a hundred times as far.
  So it would be with plain gradient descent.
- [x] Both about equally far.
  Adam divides by the size of the gradient, so a constant factor cancels. What counts is the rate.
- [ ] enc4, because its gradient is noisier.
  Noise makes steps turn, not longer.
""")

# %%
# @title Question 3
usft.Quiz("""
You try nine steps, one training each, and the best gains 0.31. What will it gain when you train it again? (From lesson
09.)

- [x] Probably less.
  The best of nine is partly good and partly lucky, and luck does not come back.
- [ ] 0.31, because it is the best.
  This was its Dice in one training.
- [ ] As often more as less.
  So it is for a step that you chose before. This one was chosen because it was high.
""")

# %% [markdown]
# ## What this does not show
#
# * **Rates by the ratio.** Lee and others also scale each layer's learning rate by the ratio. We did not run this.
# * **Equal sets.** Four steps are not always equally many parameters, nor equally many seconds.
# * **Other networks.** Normalisation behind every convolution makes the trap possible.

# %% [markdown]
# ## Recap
#
# * A gradient before training is cheap to ask, and its answer is nearly the same for other images.
# * The ratio depends on how large the weights are, and normalisation lets them have any size.
# * A rule for choosing must beat a random choice, and a choice that asks nothing.
#
# ## Try it alone
#
# Set `FACTOR` to 0.1. Which four steps does the network choose now? Train both choices in the lab.

# %% [markdown]
# ## Further reading
#
# * Lee and others, "Surgical fine-tuning", 2022, [arXiv 2210.11466](https://arxiv.org/abs/2210.11466): the ratio, and
#   rates that follow it.
