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
import torch
from IPython.display import display
from torch import nn

import usft_lib as usft

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": longer training
SEED = 0
SIZE = 96  # pixels a side
STEPS = 600 if PROFILE == "full" else 100
FETCH = usft.in_colab()  # fetal heads (hc18): 100 MB, CC BY 4.0

# %% [markdown]
# You want to train some layers and leave the others as they are. Many people write one line for this: `requires_grad =
# False`. It does less than they think. In this lesson you see what moves, you write proper freezing, and then you let
# strategies compete on ultrasound.
#
# <details><summary>You come straight from lesson 00? What you need from 01 to 03</summary>
#
# * Images of one person are one **subject**; nobody is in training and test at once (01).
# * **Batch normalisation** subtracts a mean and divides by a spread. In training mode it takes both from the batch, and
#   keeps a running average, its *running statistics*. In evaluation mode it uses this average (02).
# * One **step** is one update of the weights by a batch of images. The **seed** fixes what is random (03).
# * A **95 % interval** of a mean says how far it may move with other subjects (03).
# </details>
#
# ## Guess first
#
# Group `enc1` has two convolutions and two batch normalisations. It stores 12 tensors: two weights of convolutions, and
# five tensors of each normalisation (weight, bias, running mean, running variance, and a counter of batches). You set
# `requires_grad = False` on all its parameters. Then you show the network **one** batch, in training mode. Nothing is
# trained. **How many of the 12 tensors are different afterwards?**

# %%
usft.guess("04.a", ...)  # how many of 12 tensors change

# %% [markdown]
# ## What moves without a gradient?

# %%
# NBVAL_CHECK_OUTPUT
net = usft.UNet(width=16, depth=4)
for parameter in net.enc1.parameters():
    parameter.requires_grad = False
before = deepcopy(net.enc1.state_dict())

net.train()
net(torch.rand(8, 1, 32, 32))
for name, tensor in net.enc1.state_dict().items():
    print(f"{name:22s}", "same" if torch.equal(tensor, before[name]) else "CHANGED")

# %% tags=["fold"]
# @title Compare with your guess
changed = sum(not torch.equal(tensor, before[name]) for name, tensor in net.enc1.state_dict().items())
print(f"{changed} of {len(before)} tensors changed; your guess: {usft.guesses().get('04.a', 'none')}")

# %% [markdown]
# <details><summary>What changed, and why?</summary>
#
# Of each batch normalisation, the running mean, the running variance and a counter changed. They are *buffers*, not
# parameters. They have no gradient, so `requires_grad` does not reach them. In training mode every batch pulls mean and
# variance a tenth of the way towards its own.
#
# </details>
#
# This change of a layer that was meant to stay is called **drift**. Does it matter? We take a network that finds lungs
# and set `requires_grad = False` on everything. We show it ultrasound, in training mode, and train nothing. Beside it
# we do the same with a network that `usft.freeze` has frozen. We measure drift of the running means, in units of the
# stored standard deviation.

# %% tags=["train"]
lungs = usft.pretrained("xray-simulated")
xrays = usft.simulate_radiographs(16, size=SIZE, seed=1)  # not those of its training
scans = usft.simulate_ultrasound(40, size=SIZE, seed=1, preset="breast")

naive = deepcopy(lungs)
for parameter in naive.parameters():
    parameter.requires_grad = False
frozen = usft.freeze(deepcopy(lungs), list(usft.groups(lungs)))

# %% tags=["train", "curves", "fold"]
# @title Show both networks 40 batches of ultrasound, and measure the drift
def drifted(model, group):
    """Mean change of a group's running means, in stored standard deviations."""
    here, there = model.get_submodule(group), lungs.get_submodule(group)
    each = [((a.running_mean - b.running_mean).abs() / b.running_var.sqrt()).mean()
            for a, b in zip(here.modules(), there.modules(), strict=True) if isinstance(a, nn.BatchNorm2d)]  # fmt: skip
    return float(sum(each) / len(each))


ways, watched = {"requires_grad = False": naive, "usft.freeze": frozen}, ("enc1", "enc4", "dec1")
looks, drift = [], {way: {group: [] for group in watched} for way in ways}
dice = {way: [] for way in ways}
for look in range(41):
    for way, model in ways.items():
        if look % 8 == 0:
            dice[way].append(float(usft.dice(usft.segment(model, xrays.images), xrays.masks).mean()))
            for group in watched:
                drift[way][group].append(drifted(model, group))
        with torch.no_grad():
            model.train()(scans.images[torch.arange(8 * look, 8 * look + 8) % len(scans)])
    if look % 8 == 0:
        looks.append(look)
usft.plots.drift_figure(drift, dice, looks)
plt.show()
lost = {way: values[0] - values[-1] for way, values in dice.items()}
print("Dice lost on X-rays: " + ", ".join(f"{way} {value:.3f}" for way, value in lost.items()))
usft.check_range(drift["requires_grad = False"]["enc1"][-1], 0.02, 1, "drift of enc1 with requires_grad = False")
usft.check_range(max(drift["usft.freeze"][group][-1] for group in watched), 0, 0, "drift with usft.freeze")
assert lost["usft.freeze"] == 0 < lost["requires_grad = False"]
usft.alt("with requires_grad = False all three groups drift and masks get worse; with usft.freeze nothing moves.")

# %% [markdown]
# Not one weight changed. What changed in the network's own task? A study that freezes in the first way does not compare
# what it claims to compare. `.eval()` on the frozen group helps only until the next `model.train()`, which training
# loops call whenever they have scored the network.
#
# ## Freeze properly
#
# ### Exercise 04.1 · Freeze
#
# Write `freeze_properly(model, names)` for any network whose groups are `model.get_submodule(name)`. It returns the
# model:
#
# 1. the weights of the named groups need no gradient;
# 2. their batch normalisation **uses** and **keeps** the stored statistics;
# 3. this stays so after `model.train()`;
# 4. all other groups learn and adapt as before, and can still be put into evaluation mode.
#
# <details><summary>Hint 1</summary>
#
# `model.train()` calls `child.train(mode)` of each of its children.
# </details>
# <details><summary>Hint 2</summary>
#
# In Python you can replace a method of one object: `group.train = lambda mode=True: group`. Call `.eval()` first, as it
# calls `train(False)`.
# </details>

# %%
def freeze_properly(model, names):
    """The model, with the named groups frozen: weights and statistics, for good."""
    # BEGIN SOLUTION no gradient, evaluation mode, a train method that does nothing
    for name in names:
        group = model.get_submodule(name)
        group.requires_grad_(False)
        group.eval()
        group.train = lambda mode=True, group=group: group
    return model
    # Why: model.train() only asks its children; a group that does not listen stays in evaluation mode.
    # END SOLUTION


# %%
# @title Check 04.1
# BEGIN CHECK
class Plain(nn.Module):
    """A small network that is no U-Net: three groups in a row."""

    def __init__(self):
        super().__init__()
        for k, name in enumerate(("enc1", "dec1", "head")):
            channels = 1 if k == 0 else 3
            self.add_module(name, nn.Sequential(nn.Conv2d(channels, 3, 3, padding=1), nn.BatchNorm2d(3)))

    def forward(self, x):
        return self.head(self.dec1(self.enc1(x)))


def looked(model, group):
    """Do the statistics of a group move when the model sees a batch, in the mode it is in?"""
    averages = [t for name, t in model.get_submodule(group).named_buffers() if "running" in name]
    before = [t.clone() for t in averages]
    model(torch.rand(4, 1, 8, 8) + 2)
    return any(not torch.equal(now, was) for now, was in zip(averages, before, strict=True))


def learns(model, group):
    return [p.requires_grad for p in model.get_submodule(group).parameters()]


def uses_stored(model):
    x = torch.rand(4, 1, 8, 8) + 3
    return torch.allclose(model.train().enc1(x), model.eval().enc1(x))


torch.manual_seed(0)
plain = Plain()
usft.check(
    freeze_properly,
    {
        "it returns the model": ((plain, ["enc1"]), lambda m: isinstance(m, nn.Module), "end with: return model."),
        "weights of enc1": (
            (plain, ["enc1"]),
            lambda m: not any(learns(m, "enc1")),
            "its weights still ask for a gradient: requires_grad_(False) on each of its parameters.",
        ),
        "weights of two groups": (
            (plain, ["enc1", "dec1"]),
            lambda m: not any(learns(m, "enc1") + learns(m, "dec1")),
            "all named groups are to be frozen, not just one of them.",
        ),
        "weights of the other groups": (
            (plain, ["enc1"]),
            lambda m: all(learns(m, "dec1") + learns(m, "head")),
            "groups that nobody named must go on learning: touch only those in names.",
        ),
        "statistics of enc1": (
            (plain, ["enc1"]),
            lambda m: not looked(m, "enc1"),
            "one batch moved the statistics. They are buffers: requires_grad does not reach them, .eval() does.",
        ),
        "statistics of enc1 after model.train()": (
            (plain, ["enc1"]),
            lambda m: not looked(m.eval().train(), "enc1"),
            "model.train() put the frozen group back into training mode: its train method must do nothing from now on.",
        ),
        "statistics of two groups after model.train()": (
            (plain, ["enc1", "dec1"]),
            lambda m: not (looked(m.eval().train(), "dec1") or looked(m, "enc1")),
            "the statistics of every named group must stay, not just one of them.",
        ),
        "what enc1 normalises with": (
            (plain, ["enc1"]),
            uses_stored,
            "it keeps the stored statistics but does not use them: the output still depends on the rest of the batch.",
        ),
        "statistics of the other groups": (
            (plain, ["enc1"]),
            lambda m: looked(m.train(), "head") and looked(m, "dec1"),
            "groups that are not frozen must go on adapting their statistics: leave them in training mode.",
        ),
        "the other groups in evaluation": (
            (plain, ["enc1"]),
            lambda m: not looked(m.eval(), "head"),
            "model.eval() must still reach the groups that are not frozen.",
        ),
    },
    exercise="04.1",
)
# END CHECK

# %%
# BEGIN WRONG "requires_grad does not reach them"
def freeze_properly(model, names):
    for name in names:
        model.get_submodule(name).requires_grad_(False)
    return model
# END WRONG
# BEGIN WRONG "back into training mode"
def freeze_properly(model, names):
    for name in names:
        model.get_submodule(name).requires_grad_(False).eval()
    return model
# END WRONG
# BEGIN WRONG "does not use them"
def freeze_properly(model, names):
    for name in names:
        block = model.get_submodule(name).requires_grad_(False)
        for m in block.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.momentum = 0.0
    return model
# END WRONG
# BEGIN WRONG "go on adapting"
def freeze_properly(model, names):
    for name in names:
        model.get_submodule(name).requires_grad_(False)
    model.eval()
    model.train = lambda mode=True: model
    return model
# END WRONG
# BEGIN WRONG "still ask for a gradient"
def freeze_properly(model, names):
    for name in names:
        block = model.get_submodule(name).eval()
        block.train = lambda mode=True, block=block: block
    return model
# END WRONG
# BEGIN WRONG "touch only those"
def freeze_properly(model, names):
    for block in model.children():
        block.requires_grad_(False).eval()
        block.train = lambda mode=True, block=block: block
    return model
# END WRONG
# BEGIN WRONG "not just one of them"
def freeze_properly(model, names):
    for name in names:
        block = model.get_submodule(name).requires_grad_(False).eval()
        block.train = lambda mode=True, block=block: block
        return model
# END WRONG
# BEGIN WRONG "return model"
def freeze_properly(model, names):
    for name in names:
        block = model.get_submodule(name).requires_grad_(False).eval()
        block.train = lambda mode=True, block=block: block
# END WRONG
# BEGIN RIGHT
def freeze_properly(model, names):
    for name, parameter in model.named_parameters():
        if name.split(".")[0] in names:
            parameter.requires_grad = False
    for name, module in model.named_modules():
        if name.split(".")[0] in names and isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.train = lambda mode=True, module=module: module
    return model
# END RIGHT
# BEGIN RIGHT
def freeze_properly(model, names):
    def still(module, inputs):
        module.eval()

    for name in names:
        for module in model.get_submodule(name).modules():
            module.requires_grad_(False)
            module.register_forward_pre_hook(still)
    return model
# END RIGHT
# BEGIN RIGHT
def freeze_properly(model, names):
    plain = model.train

    def train(mode=True):
        plain(mode)
        for name in names:
            model.get_submodule(name).eval()
        return model

    for name in names:
        model.get_submodule(name).requires_grad_(False)
    model.train = train
    return model.train()
# END RIGHT
# BEGIN WRONG "not just one of them"
def freeze_properly(model, names):
    for k, name in enumerate(names):
        group = model.get_submodule(name).requires_grad_(False)
        if k == 0:
            group.eval()
            group.train = lambda mode=True, group=group: group
    return model
# END WRONG
# BEGIN WRONG "must still reach the groups"
def freeze_properly(model, names):
    for name in names:
        group = model.get_submodule(name).requires_grad_(False).eval()
        group.train = lambda mode=True, group=group: group
    model.eval = lambda: model
    return model
# END WRONG
# BEGIN WRONG "end with: return model"
def freeze_properly(model, names):
    return usft.freeze(model, names)  # it knows our U-Net alone
# END WRONG

# %% [markdown]
# `usft.freeze` does the same for our U-Net, `usft.unfreeze` undoes it, and `usft.train_only` freezes all other groups.
#
# ## The freezing lab
#
# Now ultrasound. We use real fetal heads if they can be had, else simulated images; the next cell prints which. A
# network that knows lungs gets 40 images to learn from. As it comes, without any training there, it answers
# **zero-shot**: on the board this is *untouched*.
#
# **Guess:** what is the Dice of *first 4* minus that of *everything*? (First 4 are `enc1` to `enc4`.)

# %%
usft.guess("04.b", ...)  # Dice of first 4 minus Dice of everything

# %% tags=["train"]
data = usft.load("hc18", size=SIZE, otherwise="sim-ultrasound", large=FETCH)
source = usft.pretrained("xray-simulated" if data.stand_in else "xray")
train, val, test = data.split(0.6, 0.1, 0.3, seed=0)
val = val.subset(min(60, len(set(val.subjects))))
print(data)

# %% [markdown]
# Click groups to freeze or train them, or set k and press a preset such as *first k*. Guess the Dice, press
# *Fine-tune*. Tick lines of the board: *Repeat with 3 seeds* trains a strategy three times, each time with other
# images, and two ticked lines show their **paired difference**, the difference for each subject. The **plateau** is the
# level that a curve stays at near its end; the board counts the steps to 95 % of it.
#
# **Your task** stands above the board. Nothing to click? Go on: the next cell does it by code.

# %% tags=["train", "curves"]
def two_with_three_seeds(scores):
    return (scores["seeds"].fillna(0) >= 3).sum() >= 2


task = usft.Task(
    "Train everything, and one strategy with less than half of the parameters, with "
    "3 seeds each.",
    done=two_with_three_seeds,
)
lab = usft.FreezeLab(
    source, train, val, test, n=40, steps=STEPS, lr=3e-3, seed=SEED, tasks=[task]
)
display(lab)

# %% tags=["train"]
lab.lab.wait()  # until what you started has ended
mine = "first 4"  # or the name of your own strategy on the board
for strategy in ("everything", mine):
    row = lab.scores[lab.scores["strategy"] == strategy]
    if row.empty:
        lab.run(strategy, seeds=3)
    elif row["seeds"].item() < 3:  # you trained it by hand: further seeds
        lab.lab.again(int(row["run"].item()))
        lab.lab.wait()
print(task)
print("your guess for first 4 − everything:", usft.guesses().get("04.b", "none"))

# %% tags=["train", "fold"]
# @title Print the comparison
board = lab.scores.set_index("strategy")
line = board.loc[mine]
low, high = line["difference_low"], line["difference_high"]
print(f"{mine} − everything: {line['difference']:+.3f} ({low:+.3f} to {high:+.3f}), {int(line['seeds'])} trainings")
print(board[["dice", "low", "high", "seeds"]].round(3).to_string())
least = 0.25 if data.stand_in else 0.7
usft.check_range(board.loc["everything", "dice"], least, 0.99, "Dice of everything")
usft.check_range(line["dice"], least, 0.99, f"Dice of {mine}")

# %% [markdown]
# ### Exercise 04.2 · Read the board
#
# The interval above covers subjects and trainings. (The lab's own word, such as *reversed*, answers another question:
# is yours *better*? Lesson 08 explains it.) Is your strategy as good as everything, to within 0.02? Set `word`: `"as
# good"` if the whole interval lies above −0.02, `"worse"` if it lies below −0.02, else `"undecided"`. And set `end`:
# the upper end if the word is worse, else the lower end.

# %%
# BEGIN SOLUTION a word, and one end of the interval
word = "as good" if low > -0.02 else "worse" if high < -0.02 else "undecided"
end = high if word == "worse" else low
# Why: "as good" must hold even at the worst plausible value, which is the lower end.
# END SOLUTION

# %% tags=["reading"]
# @title Check 04.2
# BEGIN CHECK
right = {True: "as good", False: "worse" if high < -0.02 else "undecided"}[bool(low > -0.02)]
usft.check(
    lambda: (str(word), float(end)),
    {
        "the word": ((), lambda r: r[0] == right, "where does the interval lie, compared with −0.02?"),
        "the end that decides": (
            (),
            lambda r: abs(r[1] - (high if right == "worse" else low)) < 0.0006,
            "as good and undecided are decided by the lower end, worse by the upper end.",
        ),
    },
    exercise="04.2",
)
# END CHECK

# %%
# BEGIN WRONG "compared with −0.02"
word, end = "much better", low
# END WRONG
# BEGIN WRONG "decided by the lower end"
word, end = ("as good" if low > -0.02 else "worse" if high < -0.02 else "undecided"), low + high
# END WRONG
# BEGIN RIGHT
word, end = "undecided", round(float(low), 3)
if low > -0.02:
    word = "as good"
elif high < -0.02:
    word, end = "worse", round(float(high), 3)
# END RIGHT

# %% [markdown]
# Write one sentence: what would you tell a colleague about your strategy? Then open the points.
#
# <details><summary>Three points to look for</summary>
#
# * The word and the interval, not only the mean.
# * How many parameters were trained, and that time was not compared (lesson 13).
# * The validation images were used for choosing. The test images are still closed: open them once, in the lab, for the
#   strategy that you defend.
# </details>

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
A colleague freezes the encoder with `requires_grad = False`, trains the rest, and writes: "frozen X-ray features
transfer well." What do you ask?

- [ ] Whether the encoder's weights are the same as before.
  They are. You would compare them, find them equal, and trust the result for the wrong reason.
- [x] Whether the encoder was in training mode.
  Then its running statistics moved to the new images, and its features were not frozen.
- [ ] Whether the optimiser held the encoder's parameters.
  It skips parameters without a gradient. Something else moved.
""")

# %%
# @title Question 2
usft.Quiz("""
On the same 60 subjects, strategy A has a Dice of 0.90 (0.87 to 0.93) and B of 0.88 (0.85 to 0.91). Is A better?

- [x] These two intervals cannot tell.
  A hard image is hard for both. So look at the difference for each subject, with its own interval.
- [ ] No: the intervals overlap, so both are equally good.
  Overlap does not show that two things are equal.
- [ ] Yes: the mean is higher.
  Other subjects or other trainings may turn the order.
""")

# %%
# @title Question 3
usft.Quiz("""
Which groups see only a few pixels of the image, trained or not? (From lesson 02.)

- [ ] The last ones: dec1 and the head.
  They can see far, and after training they look much further than the first ones.
- [x] The first ones: enc1 and enc2.
  Only two or four small convolutions come before their output, and before that of enc2 one `halve`.
- [ ] The bottleneck: its picture is the smallest.
  Each of its pixels was computed from a large part of the image.
""")

# %% [markdown]
# ## What this does not show
#
# * Three trainings are few. The study repeats this with five to ten, on three data sets (lessons 08 to 10).
# * All strategies used the same learning rate.
# * How the authors of the paper treated batch normalisation is not known to us.

# %% [markdown]
# ## Recap
#
# * Frozen means: the weights do not move, and batch normalisation uses *and* keeps its stored statistics, also after
#   `model.train()`.
# * `requires_grad = False` reaches weights, not statistics.
# * Compare strategies by their paired difference, over subjects and trainings.
#
# ## Try it alone
#
# Let only the running statistics of `enc1` move; no weight learns. How much Dice does drift alone gain on ultrasound?

# %% [markdown]
# ## Further reading
#
# * Ioffe and Szegedy, "Batch normalization", 2015, [arXiv 1502.03167](https://arxiv.org/abs/1502.03167).
# * Frankle, Schwab, Morcos, "Training BatchNorm and only BatchNorm", 2021,
#   [arXiv 2003.00152](https://arxiv.org/abs/2003.00152).
