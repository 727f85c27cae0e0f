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
from usft_lib.freezing import path
from usft_lib.study.claims_13_to_15 import finds, gradients
from usft_lib.study.grids import ALONE, RANDOM_FOURS

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": three trainings, longer
SEED = 0
SIZE = 96  # pixels a side
STEPS, TRAININGS = (300, 3) if PROFILE == "full" else (150, 1)

# %% [markdown]
# So far we found good layers by trying. Each try costs a training, and the best of many is partly lucky (lesson 09).
# Could we ask the network instead, *before* any training? One backward pass gives a gradient. Perhaps the groups with
# the largest gradient are the ones to train.
#
# ## Guess first
#
# `dec1` and the head count as one group here, so there are nine. The study let the network choose four of them, and
# trained these four. It also trained four random sets of four groups.
#
# * **14.a** By how much Dice is the network's choice ahead of the random sets on fetal heads? Negative if it is behind.
# * **14.b** Take two of the nine groups at random, on fetal heads. How often does the one with the larger gradient ÷
#   weights also raise the Dice more, if trained alone? (Chance: 0.5.)

# %%
usft.guess("14.a", ...)  # Dice of the network's four minus random fours
usft.guess("14.b", ...)  # how often larger gradient ÷ weights gains more

# %% [markdown]
# ## Gradient against weight
#
# The gradient says how much the loss changes when a weight moves a little. Large groups usually have a longer gradient.
# So we divide by the length of the weights. The **gradient-to-weight ratio** of a group, with all its convolution
# weights $W$, is
#
# $$\text{ratio} = \frac{\lVert \partial L / \partial W \rVert}{\lVert W \rVert}$$
#
# $L$ is the loss, $\lVert\cdot\rVert$ the length of *all* these numbers together: square them, add them up, take the
# root. Only convolutions count: a bias, or the shift of a normalisation, may be near zero, and then its ratio is huge.
#
# ### Exercise 14.1 · The ratio of a group
#
# A backward pass has been done, so each `weight` has its gradient in `weight.grad`. Write `ratio(group)`: the length of
# the gradient of all convolution weights in this module, divided by the length of these weights.
#
# <details><summary>Hint 1</summary>
#
# `group.modules()` lists all layers. Ask each for its kind: `isinstance(layer, torch.nn.Conv2d)`, or
# `torch.nn.ConvTranspose2d`.
# </details>
# <details><summary>Hint 2</summary>
#
# Add up the squares over all layers; take the root once, at the end.
# </details>

# %%
def ratio(group):
    """Length of the gradient of a group's convolution weights, by theirs."""
    # BEGIN SOLUTION the ratio of this group
    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    weights = [layer.weight for layer in group.modules() if isinstance(layer, kinds)]
    asked = sum((weight.grad**2).sum() for weight in weights)
    own = sum((weight.detach() ** 2).sum() for weight in weights)
    return float((asked / own) ** 0.5)
    # Why: one length for the whole group; a mean of ratios would count a small layer as much as a large one.
    # END SOLUTION


# %%
# @title Check 14.1
# BEGIN CHECK
def with_gradients(seed, module):
    """The module, with weights and gradients drawn at random."""
    rng = np.random.default_rng(seed)
    for k, parameter in enumerate(module.parameters()):
        parameter.data = torch.tensor(rng.normal(0, 0.3 + 0.1 * (k % 5), parameter.shape), dtype=torch.float32)
        parameter.grad = torch.tensor(rng.normal(0, 0.02 + 0.5 * (k % 3), parameter.shape), dtype=torch.float32)
    return module


def reference(module):
    """By numpy, over the weights with four axes: only convolutions have those here."""
    pairs = [(p.detach().numpy(), p.grad.numpy()) for p in module.parameters() if p.ndim == 4]
    return np.sqrt(sum((g**2).sum() for _, g in pairs) / sum((w**2).sum() for w, _ in pairs))


nn = torch.nn
conv, chain, norm, up = nn.Conv2d, nn.Sequential, nn.BatchNorm2d, nn.ConvTranspose2d
made = {
    "one convolution": lambda: chain(conv(3, 5, 3, bias=False)),
    "with a bias": lambda: chain(conv(3, 5, 3)),
    "with a normalisation": lambda: chain(conv(3, 5, 3, bias=False), norm(5), torch.nn.PReLU()),
    "two convolutions": lambda: chain(conv(3, 5, 3, bias=False), conv(5, 2, 1, bias=False)),
    "an up-convolution": lambda: chain(up(4, 3, 2, 2), conv(3, 3, 3), norm(3)),
    "layers inside layers": lambda: chain(chain(conv(3, 5, 3), torch.nn.ReLU())),
    "a single layer": lambda: conv(4, 1, 1),
    "a real group": lambda: usft.UNet(width=4, depth=2).dec1,
}
hints = {
    "one convolution": "the root of the sum of squares, of the gradient above and of the weight below; one number.",
    "with a bias": "biases do not count: take layer.weight, not all parameters.",
    "with a normalisation": "a BatchNorm2d has a weight as well, which does not count: go by the kind of layer.",
    "two convolutions": "the length of both together: add up squares over all layers before you divide.",
    "an up-convolution": "a ConvTranspose2d is a convolution, too.",
    "layers inside layers": "group.modules() also finds layers inside other modules.",
    "a single layer": "the head is a single convolution: group.modules() lists it as well.",
    "a real group": "isinstance, not type or the name: our up-convolution is a kind of ConvTranspose2d.",
}
right = {name: reference(with_gradients(k, make())) for k, (name, make) in enumerate(made.items())}
places = {name: k for k, name in enumerate(made)}


def near(name):
    return lambda value: abs(float(torch.as_tensor(value).detach().cpu()) / right[name] - 1) < 1e-4


usft.check(
    lambda name, ratio=ratio: ratio(with_gradients(places[name], made[name]())),
    {name: ((name,), near(name), hint) for name, hint in hints.items()},
    exercise="14.1",
)
# END CHECK

# %%
# BEGIN WRONG "the root of the sum of squares"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if hasattr(layer, "kernel_size")]
    return float(sum((w.grad**2).sum() for w in weights) / sum((w**2).sum() for w in weights))
# END WRONG
# BEGIN WRONG "the root of the sum of squares"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if hasattr(layer, "kernel_size")]
    return float(sum(w.grad.abs().sum() for w in weights) / sum(w.abs().sum() for w in weights))
# END WRONG
# BEGIN WRONG "of the gradient above"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if hasattr(layer, "kernel_size")]
    return float((sum((w**2).sum() for w in weights) / sum((w.grad**2).sum() for w in weights)) ** 0.5)
# END WRONG
# BEGIN WRONG "biases do not count"
def ratio(group):
    parameters = [p for layer in group.modules() if hasattr(layer, "kernel_size") for p in layer.parameters()]
    return float((sum((p.grad**2).sum() for p in parameters) / sum((p**2).sum() for p in parameters)) ** 0.5)
# END WRONG
# BEGIN WRONG "go by the kind of layer"
def ratio(group):
    weights = [p for name, p in group.named_parameters() if name.endswith("weight") and "bn" not in name]
    return float((sum((w.grad**2).sum() for w in weights) / sum((w**2).sum() for w in weights)) ** 0.5)
# END WRONG
# BEGIN WRONG "before you divide"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if hasattr(layer, "kernel_size")]
    return float(np.mean([float(w.grad.norm() / w.norm()) for w in weights]))
# END WRONG
# BEGIN WRONG "before you divide"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if hasattr(layer, "kernel_size")]
    return float(sum(w.grad.norm() for w in weights) / sum(w.norm() for w in weights))
# END WRONG
# BEGIN WRONG "is a convolution, too"
def ratio(group):
    weights = [layer.weight for layer in group.modules() if isinstance(layer, torch.nn.Conv2d)]
    return float((sum((w.grad**2).sum() for w in weights) / sum((w**2).sum() for w in weights)) ** 0.5)
# END WRONG
# BEGIN WRONG "inside other modules"
def ratio(group):
    weights = [layer.weight for layer in group.children() if hasattr(layer, "kernel_size")]
    if not weights:
        return 0.0
    return float((sum((w.grad**2).sum() for w in weights) / sum((w**2).sum() for w in weights)) ** 0.5)
# END WRONG
# BEGIN WRONG "isinstance, not type"
def ratio(group):
    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    weights = [layer.weight for layer in group.modules() if type(layer) in kinds]
    return float((sum((w.grad**2).sum() for w in weights) / sum((w**2).sum() for w in weights)) ** 0.5)
# END WRONG
# BEGIN WRONG "lists it as well"
def ratio(group):
    layers = list(group.modules())[1:]
    weights = [one.weight for one in layers if isinstance(one, (torch.nn.Conv2d, torch.nn.ConvTranspose2d))]
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
    weights = [layer.weight for layer in group.modules() if hasattr(layer, "kernel_size")]
    asked = np.concatenate([w.grad.numpy().ravel() for w in weights])
    own = np.concatenate([w.detach().numpy().ravel() for w in weights])
    return np.linalg.norm(asked) / np.linalg.norm(own)
# END RIGHT
# BEGIN RIGHT
def ratio(group):
    asked = own = 0.0
    for layer in group.modules():
        if isinstance(layer, torch.nn.modules.conv._ConvNd):
            asked += float(layer.weight.grad.pow_(2).sum())
            own += float(layer.weight.norm()) ** 2
    group.zero_grad()
    return (asked / own) ** 0.5
# END RIGHT

# %% [markdown]
# `usft.gradient_ratio` does the same for every group, in evaluation mode (so no stored statistics move). Do other
# images give another answer? Here are three batches of ten, and all forty together.

# %%
source = usft.pretrained("xray-simulated")
people = usft.simulate_ultrasound(160, size=SIZE, seed=71, preset="breast")
train, val = people.split(0.5, 0.5, seed=SEED)
forty = train.subset(40, seed=SEED)
nine = path(source)  # dec1 and the head are one
looks = {"all forty": usft.gradient_ratio(source, forty, nine)}
for k in range(3):
    ten = forty[list(range(10 * k, 10 * k + 10))]
    looks[f"batch {k + 1}"] = usft.gradient_ratio(source, ten, nine)

# %% tags=["fold"]
# @title Draw the ratio of each group
usft.plots.by_group_figure(looks, "gradient ÷ weight", "simulated breasts, before training", log=True)
plt.show()


def largest(found, k=4):
    """The names of the k largest, the largest first."""
    return sorted(found, key=found.get, reverse=True)[:k]


wished = largest(looks["all forty"])
same_four = sum(set(largest(found)) == set(wished) for name, found in looks.items() if name != "all forty")
ratios = np.array([list(found.values()) for found in looks.values()])
print("the largest first:", ", ".join(largest(looks["all forty"], 9)))
print(f"batches with the same four as all forty: {same_four} of 3")
print(f"between groups the ratio differs by a factor of up to {(ratios.max(1) / ratios.min(1)).max():.0f}, "
      f"between batches by up to {(ratios[1:].max(0) / ratios[1:].min(0)).max():.1f}")  # fmt: skip
usft.check_range(ratios[0].max() / ratios[0].min(), 100, 10_000, "the largest ratio ÷ the smallest")
top, low = (list(looks["all forty"])[k] for k in (ratios[0].argmax(), ratios[0].argmin()))
usft.alt(f"the ratio is largest at {top} and smallest at {low}; the lines of the batches lie near each other.")

# %% [markdown]
# It depends little on the images here: the groups differ far more than the batches.
#
# ## A trap
#
# Make the weights of both convolutions of `enc2` ten times as large. The normalisation behind each has stored a mean
# and a variance of its output: make the mean ten times as large, too, and the variance a hundred times. **Before you
# run the cells:** what happens to the masks, to the ratio of `enc2`, and to the network's choice?

# %%
GROUP, FACTOR = "enc2", 10  # change me: enc2 … enc4, bottleneck; 0.1 to 100

same = deepcopy(source).eval()
block = getattr(same, GROUP)  # twice: convolution, norm, ReLU
with torch.no_grad():
    for conv, norm in ((block[0], block[1]), (block[3], block[4])):
        conv.weight *= FACTOR
        norm.running_mean *= FACTOR
        norm.running_var *= FACTOR**2

# %%
masks = [usft.segment(model, forty.images) for model in (source, same)]
changed = (masks[0] != masks[1]).float().mean()
after = usft.gradient_ratio(same, forty, nine)
fall = looks["all forty"][GROUP] / after[GROUP]
print(f"pixels whose mask changed: {100 * changed:.3f} %")
print(f"the ratio of {GROUP} is divided by {fall:.3g}")
print("the four largest before:", ", ".join(wished))
print("the four largest after: ", ", ".join(largest(after)))
usft.check_range(fall / FACTOR**2, 0.98, 1.02, "its fall ÷ factor²")

# %% [markdown]
# <details><summary>What does this mean?</summary>
#
# The convolution gives ten times as much, the normalisation divides by ten times as much: the masks stay the same. The
# weights are ten times as large. Their gradient is a tenth, because such a weight must move ten times as far for the
# same change. So the ratio falls to a hundredth. With normalisation, weights of any size can give the same masks, but
# not the same ratio.
# </details>
#
# A large gradient does not mean a large step: Adam divides each gradient by its usual size.
#
# ## A race against chance
#
# The network chooses the four groups with the largest ratio. Its opponents are four random groups, four that *you*
# choose, and everything. In the lab, set *Colour blocks by* to *gradient ÷ weight, before training*. Choose your own
# four groups (`dec1` and the head are one), guess, and press *Fine-tune*. The cell below the lab trains the others (and
# *first 4* if you did not choose), all at one learning rate.

# %% tags=["train"]
network = [name for place in wished for name in place.split(" + ")]
chance = RANDOM_FOURS[0].removeprefix("only ").split()


def fours():
    """What was trained of four groups, where dec1 and the head count as one."""
    done = [run for run in lab.runs if run.status == "done"]
    size = [len({g.replace("head", "dec1") for g in run.groups}) for run in done]
    return [run.label for run, groups in zip(done, size, strict=True) if groups == 4]


task = usft.Task(
    "Colour the blocks by the ratio. Then train four groups of your own choice.",
    done=lambda scores: bool(fours()),
)
lab = usft.FreezeLab(
    source, train, val, n=40, steps=STEPS, lr=3e-3, seed=SEED, tasks=[task]
)
display(lab)

# %% tags=["train"]
if lab.lab.state == "paused":
    lab.lab.resume()
lab.lab.wait()  # until what you started has ended
mine = fours()[0] if fours() else lab.run("first 4")["strategy"]
opponents = {"the network's": network, "random": chance, "everything": "everything"}
for label, chosen in opponents.items():
    if label not in [run.label for run in lab.runs]:
        lab.run(chosen, label=label, seeds=TRAININGS)
print("the network's:", ", ".join(network))
print("random:", ", ".join(chance))
board = lab.scores.set_index("strategy")["dice"]
for name in dict.fromkeys((mine, *opponents)):
    print(f"{name:15s}{board[name]:.3f}")
usft.check_range(board.max(), 0.3, 0.95, "Dice of the best")

# %% [markdown]
# One training is an example, not a result.
#
# ## What the study found
#
# **Claim 14** (ours): the ratio finds the groups to train. Its rule was fixed before anything ran. The study trained
# each of the nine groups alone, the network's four, four random sets of four, and first 4, on two targets with five
# seeds. (Its network learnt from real X-rays.) The **gain** of a group is its Dice if it is trained alone, minus the
# Dice of the untouched network. The claim needs three things, on both targets:
#
# * The network's four are better than the random sets: by 0.02 or more, with the interval above 0.
# * First 4 needs no gradient. It must not be much better: the interval of first 4 − the network's four ends below 0.02.
# * Order the nine groups by gain. The ratio agrees with this order better than the *number of parameters* does (τ,
#   lesson 10): the interval of the difference is above 0.
#
# *Does not find the layers*: one of the first two is *not confirmed* or *reversed*. *Size alone*: the first two are
# *confirmed*, the third is *not confirmed* or *reversed*. Otherwise *finds the layers* or *undecided*.

# %% tags=["fold", "study"]
# @title Draw the ratio against the gain, and print the verdict
study = usft.results("ratio")
names = {"hc18": "fetal heads", "sim-ultrasound": "simulated breasts"}
asked, gains, points = {}, {}, {}
steps = list(looks["all forty"])  # in path order, as ALONE; results keep names in another order
for target, title in names.items():
    seeds = study.seeds(target, [*ALONE, "untouched", "top 4 by ratio"])
    told = [study.record(target, "top 4 by ratio", seed)["ratio"] for seed in seeds]
    asked[target] = np.array([[one[step] for step in steps] for one in told])
    gains[target] = np.array([[study.one(target, s, seed) - study.one(target, "untouched", seed) for s in ALONE]
                              for seed in seeds])  # fmt: skip
    points[title] = {group: (asked[target][:, k], gains[target][:, k]) for k, group in enumerate(steps)}
    print(f"{title}, the network's four in each training: " + "; ".join(", ".join(largest(one)) for one in told))
    spread = (asked[target].max(axis=0) / asked[target].min(axis=0)).max()
    print(f"  between these X-ray networks the ratio of a group differs by a factor of up to {spread:.0f}")
print("the random fours:", "; ".join(name.removeprefix("only ") for name in RANDOM_FOURS))
usft.plots.gains_figure(points)
plt.show()
lines = gradients(study)
for line in lines:
    beside = "beside it: " if line.secondary else ""
    print(f"{beside}{names[line.target]}, {line.words}: {line.mean:+.3f} "
          f"({line.low:+.3f} to {line.high:+.3f}), {line.said}")  # fmt: skip
print("claim 14, the ratio:", finds(lines))
assert finds(lines) == "does not find the layers"
assert {(one.target, one.said) for one in lines if "beat random" in one.words} == {
    ("hc18", "not confirmed"), ("sim-ultrasound", "reversed")}  # fmt: skip
assert all(one.low < 0 < one.high for one in lines if one.unit == "τ")
pairs = [(a, b) for a in range(9) for b in range(a)]
agree = {}
for target in names:
    both = zip(asked[target], gains[target], strict=True)
    agree[target] = np.mean([(r[a] > r[b]) == (g[a] > g[b]) for r, g in both for a, b in pairs])
heads = next(one for one in lines if one.target == "hc18" and "beat random" in one.words)
print(f"14.a, the network's four − random fours on heads: {heads.mean:+.3f}; "
      f"your guess: {usft.guesses().get('14.a', 'none')}")  # fmt: skip
print(f"14.b, how often the larger ratio has the larger gain: heads {agree['hc18']:.2f}, "
      f"simulated breasts {agree['sim-ultrasound']:.2f}; your guess: {usft.guesses().get('14.b', 'none')}")  # fmt: skip
usft.alt(f"ratio against gain, seeds as dots; the claim's verdict: {finds(lines)}.")

# %% [markdown]
# ### Exercise 14.2 · Read the verdict
#
# Set `word`: the study's verdict on claim 14. And `lead`: by how much the network's four are ahead of the random sets
# on simulated breasts (three decimals; negative if behind).

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
    lambda: (str(word), float(lead)),
    {
        "the word": (
            (),
            lambda r: r[0].strip(" .").lower().removeprefix("the ratio ") == finds(lines),
            "the line that begins with 'claim 14, the ratio'.",
        ),
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
word, lead = "The ratio " + finds(lines), round(ahead["sim-ultrasound"], 3)
# END RIGHT

# %% [markdown]
# Write one sentence: would you let the ratio choose? Then open the points.
#
# <details><summary>Three points to look for</summary>
#
# * No. On simulated breasts its four are behind random sets (*reversed*). On heads they are not 0.02 ahead.
# * Its four are small groups. Three of the random sets hold the bottleneck, the largest group. Size may be the reason:
#   the study cannot tell.
# * First 4 has the higher mean on both, but this is *undecided*. So are all lines with τ.
# </details>
#
# ## What does a wrong choice cost?
#
# Suppose that you may train one group of the nine. There are three ways to choose. Take the largest ratio, which costs
# a second. Or train all nine, and take the best. Or draw one at random. The **regret** of a
# choice is the best group's gain minus that of the chosen one. In the second way, four seeds choose and the
# fifth measures (lesson 12). The best of nine is partly lucky, so even a good choice usually has some regret.

# %%
def regret(gain, pick):
    """How much less the picked group gains than the best one, in each seed."""
    return [row.max() - row[k] for row, k in zip(gain, pick, strict=True)]


# %%
# NBVAL_CHECK_OUTPUT
for target, title in names.items():
    gain = gains[target]
    others = [np.delete(gain, k, axis=0).mean(axis=0) for k in range(len(gain))]
    by_ratio = regret(gain, asked[target].argmax(axis=1))
    by_trial = regret(gain, [mean.argmax() for mean in others])
    at_random = gain.max(axis=1) - gain.mean(axis=1)
    print(f"{title}: largest gain {gain.max(axis=1).mean():.3f}, on average")
    print(f"  regret if the ratio chooses        {np.mean(by_ratio):.3f}")
    print(f"  regret if other trainings choose   {np.mean(by_trial):.3f}")
    print(f"  regret of a random group           {np.mean(at_random):.3f}")

# %% [markdown]
# Trying all nine, four times each, leaves nearly no regret; the ratio as much as a draw, or more.
#
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
A friend computes the ratio of each parameter by itself, and leaves out all whose name contains "bn". On our U-Net,
shifts of normalisation are at the top of her list. Why were they not left out?

- [ ] Because normalisation is what ultrasound needs most.
  The list cannot tell: a shift near zero makes its ratio large.
- [x] Here no name contains "bn", so nothing was left out.
  A normalisation is called `enc1.1`. Go by the kind of layer, not by its name.
- [ ] Because she used evaluation mode.
  In evaluation mode normalisation has a scale and a shift, too.
""")

# %%
# @title Question 2
usft.Quiz("""
The gradient of each weight of `enc1` is a hundred times as large as that of `enc4`. Both groups are trained by Adam
with the same learning rate. Whose weights move further in the first step?

- [ ] Those of enc1, a hundred times as far.
  So it would be with plain gradient descent.
- [x] Both about equally far.
  Adam divides by the size of the gradient, so a constant factor cancels. What counts is the rate.
- [ ] Those of enc4: a small gradient means that much is left to learn.
  A gradient says how the loss changes, not how much is left to learn.
""")

# %%
# @title Question 3
usft.Quiz("""
You try nine groups, one training each, and the best gains 0.31. What will it gain with another seed? (From lesson 09.)

- [x] Probably less.
  The best of nine is partly good and partly lucky, and luck does not come back.
- [ ] 0.31, because it is the best.
  This was its gain in one training.
- [ ] More or less, equally often.
  So it is for a group that you chose before. This one was chosen because its gain was high.
""")

# %% [markdown]
# ## What this does not show
#
# * **Rates that follow the ratio**, as Lee and others use them. We did not run them.
# * **Other random sets.** There are four, and none contains `enc1`. The intervals cover other trainings and subjects,
#   not other random sets.
# * **Equal conditions.** Sets of four groups differ in parameters and in time, and all take the rate of first 4.
#   Alone, `enc1`, the bottleneck and `dec1` were offered rates up to 0.01, the other groups up to 0.03.

# %% [markdown]
# ## Recap
#
# * A gradient before training is cheap, and changes little with other images of the same set.
# * The ratio depends on how large the weights are. With normalisation, this is arbitrary.
# * A rule for choosing must beat chance, and be no worse than a choice that asks nothing.
#
# ## Try it alone
#
# Set `GROUP` to `"bottleneck"` and `FACTOR` to 0.1. What does the network ask for now?

# %% [markdown]
# ## Further reading
#
# * Lee and others, "Surgical fine-tuning", 2022, [arXiv 2210.11466](https://arxiv.org/abs/2210.11466): the ratio, and
#   rates that follow it.
