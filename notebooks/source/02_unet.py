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
import torch

import usft_lib as usft
from usft_lib.unet import halve

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full" measures more
SEED = 0
SIZE = 96  # side of an image in pixels
WIDE = 256  # side of the images on which we measure how far a group looks
IMAGES = 4 if PROFILE == "quick" else 16

# %% [markdown]
# Later you will freeze some layers of a U-Net and train others. To choose well, you need to know what each part can
# see. Does a layer see the whole organ, or only a few pixels?
#
# Our U-Net has ten groups of layers. Its sizes are our choice; those of the paper that this course follows are not
# known to us.
#
# ## Guess first
#
# One of the ten groups is the **bottleneck**, at the bottom of the U. **What share of all
# parameters does it hold?** (Parameters are the numbers that training changes.) Give a number from 0 to 1.

# %%
usft.guess("02.a", ...)  # share of all parameters in the bottleneck

# %% [markdown]
# ## The whole network
#
# An image enters at the upper left. The **encoder** (`enc1` to `enc4`) makes the picture smaller, step by step, and
# gives it more **channels**: a channel is one picture that a layer puts out. The bottleneck works on the smallest
# picture. The **decoder** (`dec4` to `dec1`) makes the picture larger again. The **head** turns the last channels into
# one number for each pixel. A **skip connection** (dashed) hands the result of an encoder group directly to the decoder
# group at the same height, or **level**. (In the picture *trained* means: not frozen. These groups would learn.)

# %%
torch.manual_seed(SEED)
untrained = usft.UNet(width=16, depth=4)
usft.UNetDiagram(untrained, size=SIZE)

# %% [markdown]
# This is the forward pass, as the library has it. Each line is one group. `halve` keeps the largest of each 2 × 2
# pixels, so height and width are halved.

# %%
# NBVAL_CHECK_OUTPUT
unet = untrained.eval()
image = torch.zeros(1, 1, SIZE, SIZE)  # images, channels, rows, columns
x1 = unet.enc1(image)
x2 = unet.enc2(halve(x1))
x3 = unet.enc3(halve(x2))
x4 = unet.enc4(halve(x3))
x5 = unet.bottleneck(halve(x4))
d4 = unet.dec4(x5, x4)  # from below, and by the skip connection
d3 = unet.dec3(d4, x3)
d2 = unet.dec2(d3, x2)
d1 = unet.dec1(d2, x1)
answer = unet.head(d1)
print("enc4", list(x4.shape), "bottleneck", list(x5.shape), "head", list(answer.shape))

# %% tags=["fold"]
# @title Count the parameters of each group
# NBVAL_CHECK_OUTPUT
counted = usft.summary(untrained, SIZE).set_index("group")["parameters"]
print(counted.to_string())
print(f"the bottleneck holds {counted['bottleneck'] / counted['total']:.0%} of all parameters")

# %%
print("your guess:", usft.guesses().get("02.a", "none"))

# %% [markdown]
# <details><summary>Why are so many of them there?</summary>
#
# From level to level the channels double. A **convolution** computes each pixel from its neighbours (see below). It
# needs weights for each pair of an input channel and an output channel, so each level has four times as many
# parameters. That is why nearly half of them are at the bottom. "Train the bottom of the U" and "train few parameters"
# are opposite wishes.
#
# </details>
#
# ## Inside a group
#
# Each group but the head consists of two parts. (In `dec4` to `dec1` an up-convolution comes before them.) Each part
# does three things:
#
# 1. A 3 × 3 convolution computes each pixel from itself and its eight neighbours.
# 2. A **batch normalisation** puts each channel on a common scale.
# 3. A ReLU replaces negative numbers by 0.
#
# The second matters most for this course. Let $x$ be the values of one channel, for all images of a batch and all
# pixels:
#
# $$y = \gamma\, \frac{x - m}{\sqrt{v + \varepsilon}} + \beta$$
#
# $\gamma$ and $\beta$ are learnt. During **training** (`model.train()`), $m$ and $v$ are the mean and the variance of
# *this batch*. The layer also keeps a running average of both. During **prediction** (evaluation mode, `model.eval()`),
# it uses these **running statistics**, so that the answer for one image does not depend on the others. Running
# statistics are not learnt by a gradient. They change whenever a batch passes in training mode, even if all parameters
# are frozen. Lesson 04 comes back to this.

# %% [markdown]
# ### Exercise 02.1 · Batch normalisation
#
# Write the formula for `x` of shape `[N, C, H, W]` in training mode: mean and variance for each channel, over images,
# rows and columns. `gamma` and `beta` have one number for each channel, $\varepsilon$ is 1e-5. The variance divides by
# the number of values: `unbiased=False`.
#
# <details><summary>Hint 1</summary>
#
# `x.mean(dim=(0, 2, 3), keepdim=True)` has shape `[1, C, 1, 1]`, so you can subtract it from `x`.
# </details>
# <details><summary>Hint 2</summary>
#
# `gamma` and `beta` have shape `[C]`. `gamma.view(1, -1, 1, 1)` has shape `[1, C, 1, 1]`, so it multiplies channel by
# channel.
# </details>

# %%
def batch_norm(x, gamma, beta):
    """x [N, C, H, W], normalised channel by channel, as in training."""
    # BEGIN SOLUTION return the formula, with one mean and one variance a channel
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    variance = x.var(dim=(0, 2, 3), unbiased=False, keepdim=True)
    normal = (x - mean) / torch.sqrt(variance + 1e-5)
    return gamma.view(1, -1, 1, 1) * normal + beta.view(1, -1, 1, 1)
    # Why: each channel has its own scale, and all images of the batch share it.
    # END SOLUTION


# %%
# @title Check 02.1
# BEGIN CHECK
def expected(x, gamma, beta):
    return torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True)


batch = 3 + 2 * torch.randn(4, 3, 5, 6, generator=torch.Generator().manual_seed(1))
flat = batch[:, :1] * torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1)
one, nought = torch.ones(3), torch.zeros(3)
usft.check(
    batch_norm,
    {
        "mean 0 in each channel": (
            (flat, one, nought),
            lambda y: float(torch.as_tensor(y).mean((0, 2, 3)).abs().max()) < 1e-4,
            "subtract each channel's own mean, over images, rows and columns.",
        ),
        "variance 1 in each channel": (
            (flat, one, nought),
            lambda y: float((torch.as_tensor(y).var((0, 2, 3), correction=0) - 1).abs().max()) < 1e-3,
            "divide by the root of each channel's variance, over images, rows and columns; unbiased=False.",
        ),
        "not image by image": (
            (batch, one, nought),
            expected(batch, one, nought),
            "all images of the batch share one mean and one variance a channel.",
        ),
        "the learnt scale and shift": (
            (batch, one * 2, nought + 5),
            expected(batch, one * 2, nought + 5),
            "multiply by gamma, then add beta, channel by channel.",
        ),
        "another number for each channel": (
            (batch, torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 1.0, -1.0])),
            expected(batch, torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 1.0, -1.0])),
            "multiply by gamma, then add beta, channel by channel.",
        ),
        "few values": (
            (batch[:1, :, :1, :2], one, nought),
            expected(batch[:1, :, :1, :2], one, nought),
            "the variance divides by the number of values: unbiased=False.",
        ),
        "a channel that does not vary": (
            (torch.ones(2, 3, 2, 2), one, nought),
            torch.zeros(2, 3, 2, 2),
            "add 1e-5 to the variance before the root: 0/0 is not a number.",
        ),
    },
    exercise="02.1",
    tolerance=1e-3,
)
# END CHECK

# %%
# BEGIN WRONG "each channel's own mean"
def batch_norm(x, gamma, beta):
    normal = (x - x.mean()) / torch.sqrt(x.var(unbiased=False) + 1e-5)
    return gamma.view(1, -1, 1, 1) * normal + beta.view(1, -1, 1, 1)
# END WRONG
# BEGIN WRONG "divide by the root of each channel's variance"
def batch_norm(x, gamma, beta):
    x = x - x.mean(dim=(0, 2, 3), keepdim=True)
    normal = x / (x.var(dim=(0, 2, 3), unbiased=False, keepdim=True) + 1e-5)
    return gamma.view(1, -1, 1, 1) * normal + beta.view(1, -1, 1, 1)
# END WRONG
# BEGIN WRONG "share one mean and one variance"
def batch_norm(x, gamma, beta):
    m, v = x.mean(dim=(2, 3), keepdim=True), x.var(dim=(2, 3), unbiased=False, keepdim=True)
    return gamma.view(1, -1, 1, 1) * (x - m) / torch.sqrt(v + 1e-5) + beta.view(1, -1, 1, 1)
# END WRONG
# BEGIN WRONG "multiply by gamma, then add beta"
def batch_norm(x, gamma, beta):
    m, v = x.mean(dim=(0, 2, 3), keepdim=True), x.var(dim=(0, 2, 3), unbiased=False, keepdim=True)
    return (x - m) / torch.sqrt(v + 1e-5)
# END WRONG
# BEGIN WRONG "multiply by gamma, then add beta"
def batch_norm(x, gamma, beta):
    m, v = x.mean(dim=(0, 2, 3), keepdim=True), x.var(dim=(0, 2, 3), unbiased=False, keepdim=True)
    return gamma.view(1, -1, 1, 1) * ((x - m) / torch.sqrt(v + 1e-5) + beta.view(1, -1, 1, 1))
# END WRONG
# BEGIN WRONG "unbiased=False"
def batch_norm(x, gamma, beta):
    m, v = x.mean(dim=(0, 2, 3), keepdim=True), x.var(dim=(0, 2, 3), keepdim=True)
    return gamma.view(1, -1, 1, 1) * (x - m) / torch.sqrt(v + 1e-5) + beta.view(1, -1, 1, 1)
# END WRONG
# BEGIN WRONG "0/0 is not a number"
def batch_norm(x, gamma, beta):
    m, v = x.mean(dim=(0, 2, 3), keepdim=True), x.var(dim=(0, 2, 3), unbiased=False, keepdim=True)
    return gamma.view(1, -1, 1, 1) * (x - m) / torch.sqrt(v) + beta.view(1, -1, 1, 1)
# END WRONG
# BEGIN RIGHT
def batch_norm(x, gamma, beta):
    return torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True)
# END RIGHT
# BEGIN RIGHT
def batch_norm(x, gamma, beta):
    import numpy as np
    values, done = x.numpy(), []
    for c in range(values.shape[1]):
        one = values[:, c]
        done.append(gamma[c].item() * (one - one.mean()) / np.sqrt(one.var() + 1e-5) + beta[c].item())
    return np.stack(done, axis=1)
# END RIGHT
# BEGIN RIGHT
def batch_norm(x, gamma, beta):
    layer = torch.nn.BatchNorm2d(len(gamma))
    with torch.no_grad():
        layer.weight.copy_(gamma), layer.bias.copy_(beta)
        return layer.train()(x)
# END RIGHT

# %% [markdown]
# <details><summary>Optional: how an up-convolution works, by hand</summary>
#
# A decoder group first doubles height and width. An **up-convolution** (2 × 2, stride 2) turns each pixel into four.
# The pixel with the value 3 and the kernel `[[1, 0], [2, 1]]` become `[[3, 0], [6, 3]]`. The neighbouring pixel fills
# the next four places, and nothing overlaps. Then the group joins the result with the skip connection, along the
# channels, and convolves both together.
# </details>
#
# ## How far can a group see?
#
# One pixel that a layer puts out was computed from a square of image pixels. This square is its **receptive field**.
# You can compute its side. Go along the layers and keep two numbers: how many image pixels are seen so far, and how
# many image pixels apart two neighbours are.
#
# * At the start a pixel sees itself, and neighbours are 1 apart.
# * A layer with a `k` × `k` window (its *kernel*) sees `k − 1` more neighbours in a row. Each adds the distance to what
#   is seen.
# * A layer that moves on by `s` pixels at a time (its *stride*) makes the distance `s` times larger, from then on.
#
# ### Exercise 02.2 · The receptive field
#
# `layers` is a list of pairs `(kernel, stride)`. A 3 × 3 convolution is `(3, 1)`, `halve` is `(2, 2)`. Return the side
# of the receptive field in image pixels.
#
# <details><summary>Hint 1</summary>
#
# Start with two variables, both 1. Each layer changes first the one, then the other.
# </details>
# <details><summary>Hint 2</summary>
#
# On paper: `(3, 1)`, `(2, 2)`, `(3, 1)` see 3, then 4, then 8 pixels; the distance is 1, then 2, then 2.
# </details>

# %%
def receptive_field(layers):
    """Side of the receptive field, in image pixels."""
    # BEGIN SOLUTION go along the layers, and keep what is seen and the distance
    seen, distance = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * distance
        distance *= stride
    return seen
    # Why: a layer's stride only matters for the layers after it, so the distance changes last.
    # END SOLUTION


# %%
# @title Check 02.2
# BEGIN CHECK
two, pool = [(3, 1), (3, 1)], [(2, 2)]  # a group, and halve

usft.check(
    receptive_field,
    {
        "no layer": (([],), 1, "Without any layer a pixel sees itself: start from 1."),
        "one 3×3": (([(3, 1)],), 3, "A kernel of 3 brings 2 neighbours more: kernel − 1."),
        "halve": ((pool,), 2, "A stride counts for the layers after it: let the distance grow last."),
        "3×3 after halve": (
            (pool + [(3, 1)],),
            6,
            "After halve, neighbours are two image pixels apart: multiply (kernel − 1) by the distance.",
        ),
        "3×3 after halving twice": ((2 * pool + [(3, 1)],), 12, "Distances multiply along the path: 2, then 2 · 2."),
        "kernel 7 with stride 2, then 3": (([(7, 2), (3, 1)],), 11, "The kernel is not always 3, nor the stride 1."),
        "kernel 3 with stride 3, then 3": (([(3, 3), (3, 1)],), 9, "A stride of 3 makes distances 3 times longer."),
        "down to enc3": ((2 * (two + pool) + two,), 32, "Halving counts as well: a kernel of 2 sees one more."),
        "down to the bottleneck": ((4 * (two + pool) + two,), 140, "Four times (group, halve), then the bottleneck."),
    },
    exercise="02.2",
)
# END CHECK

# %%
# BEGIN WRONG "kernel − 1"
def receptive_field(layers):
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += kernel * step
        step *= stride
    return seen
# END WRONG
# BEGIN WRONG "let the distance grow last"
def receptive_field(layers):
    seen, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        seen += (kernel - 1) * step
    return seen
# END WRONG
# BEGIN WRONG "multiply (kernel − 1) by the distance"
def receptive_field(layers):
    return 1 + sum(kernel - 1 for kernel, stride in layers)
# END WRONG
# BEGIN WRONG "Distances multiply"
def receptive_field(layers):
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * step
        step = max(step, stride)
    return seen
# END WRONG
# BEGIN WRONG "start from 1"
def receptive_field(layers):
    seen, step = 0, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * step
        step *= stride
    return seen
# END WRONG
# BEGIN WRONG "The kernel is not always 3"
def receptive_field(layers):
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += (2 if kernel >= 3 else 1) * step
        step *= stride
    return seen
# END WRONG
# BEGIN RIGHT
def receptive_field(layers):
    side = 1
    for kernel, stride in reversed(layers):
        side = (side - 1) * stride + kernel
    return side
# END RIGHT
# BEGIN RIGHT
def receptive_field(layers):
    if not layers:
        return 1
    (kernel, stride), rest = layers[0], layers[1:]
    return kernel + stride * (receptive_field(rest) - 1)
# END RIGHT
# BEGIN RIGHT
def receptive_field(layers):
    import numpy as np

    pairs = np.array(layers, int).reshape(-1, 2)
    steps = np.concatenate([[1], np.cumprod(pairs[:, 1])[:-1]])[: len(pairs)]
    return 1 + ((pairs[:, 0] - 1) * steps).sum()
# END RIGHT
# BEGIN WRONG "3 times longer"
def receptive_field(layers):
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * step
        step *= 2 if stride > 1 else 1
    return seen
# END WRONG

# %% [markdown]
# ## How far does it really look?
#
# The receptive field says what *could* matter. A gradient says what *does* matter: if one image pixel changes a little,
# how much does the output of the group change, summed over its channels? The answer is the **effective receptive
# field**. For its **width**, add up the change in each column, and count how many columns in the middle hold 95 % of
# it. It takes one backward pass, from one output pixel to the image:

# %%
# NBVAL_CHECK_OUTPUT
image = torch.rand(1, 1, WIDE, WIDE, requires_grad=True)
untrained.enc1(image)[0, :, 128, 128].sum().backward()
rows, columns = image.grad[0, 0].nonzero(as_tuple=True)
print(f"enc1 at (128, 128) looks at rows {rows.min()} to {rows.max()}")

# %% [markdown]
# Two 3 × 3 convolutions allow five rows. Now for other groups, and for two networks: one with random weights, and one
# that was trained to find lungs (on images of 128 pixels; here we ask it on 256, so that the picture is larger than
# what any group can see). Dashed squares are the receptive fields; colours are logarithmic. Before you look: which
# groups will look further after training?

# %%
trained = usft.pretrained("xray-simulated")
images = usft.simulate_radiographs(IMAGES, size=WIDE, seed=SEED).images
allowed = usft.receptive_fields(trained)
fields = {}
for network, model in {"untrained": untrained, "trained": trained}.items():
    fields[network] = {}
    for name in allowed:
        fields[network][name] = usft.effective_receptive_field(model, images, name)

# %% tags=["fold"]
# @title Draw where five groups look
usft.plots.fields_figure(fields, allowed, ["enc1", "enc3", "bottleneck", "dec4", "dec1"])
plt.show()
usft.alt("enc1 looks at a dot, the bottleneck at a wide area; dec1 looks at a dot before training, and wider after it.")

# %% tags=["fold"]
# @title Draw how wide all groups look
widths = {}
for network in fields:
    widths[network] = {name: usft.effective_receptive_field_width(fields[network][name]) for name in allowed}
    print(f"{network}: " + ", ".join(f"{name} {width}" for name, width in widths[network].items()))
usft.plots.reach_figure(fields, allowed, SIZE)
plt.show()
assert all(widths[network][name] <= allowed[name] for network in widths for name in allowed)
wider = [name for name in allowed if widths["trained"][name] > 1.5 * widths["untrained"][name]]
usft.alt(f"no group looks further than its layers allow; after training {', '.join(wider)} look much further.")
usft.check_range(widths["trained"]["dec1"], 20, 180, "width of dec1 after training")

# %% [markdown]
# ### Exercise 02.3 · Read the result
#
# From the numbers that were printed above the figure, set two variables: `narrow`, a list of the groups that look less
# than 20 pixels wide in *both* networks, and `grown`, the group whose width grows by the largest number of pixels
# through training.

# %%
# BEGIN SOLUTION a list of names, and one name
names = list(allowed)
narrow = [n for n in names if max(widths["trained"][n], widths["untrained"][n]) < 20]
grown = max(names, key=lambda n: widths["trained"][n] - widths["untrained"][n])
# Why: the first groups cannot see far; the last ones can, but only training makes them.
# END SOLUTION

# %% tags=["reading"]
# @title Check 02.3
# BEGIN CHECK
small = {name for name in allowed if max(each[name] for each in widths.values()) < 20}
more = {name: widths["trained"][name] - widths["untrained"][name] for name in allowed}
usft.check(
    lambda: (list(narrow), str(grown)),
    {
        "narrow in both": ((), lambda r: set(r[0]) == small, "below 20 in both rows of numbers, not in one only."),
        "grown most": ((), lambda r: more.get(r[1]) == max(more.values()), "trained minus untrained, in pixels."),
    },
    exercise="02.3",
)
# END CHECK

# %%
# BEGIN WRONG "not in one only"
narrow = [n for n in allowed if widths["untrained"][n] < 40]
grown = "dec1"
# END WRONG
# BEGIN WRONG "trained minus untrained"
narrow = [n for n in allowed if max(widths["trained"][n], widths["untrained"][n]) < 20]
grown = "enc1"
# END WRONG
# BEGIN RIGHT
narrow = {n for n in allowed if widths["trained"][n] < 20 and widths["untrained"][n] < 20}
grown = sorted(allowed, key=lambda n: widths["untrained"][n] - widths["trained"][n])[0]
# END RIGHT

# %% [markdown]
# Write one sentence: does "near the output" mean "sees far"? Then open the points.
#
# <details><summary>Three points to look for</summary>
#
# * The first groups see only a few pixels, trained or not. They can know edges and grain, but nothing about organs.
# * The last groups *may* see a lot. Without training they look at little, because the skip connection is the
#   shortest way to the image.
# * So "near the output" does not mean "sees far". Is `dec1` deep, because it comes last? Or shallow, because it is next
#   to the image? Lessons 08 and 09 try one answer each.
# </details>

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
Two 3 × 3 convolutions in a row, or one 5 × 5 convolution, with equal numbers of channels. What is true?

- [ ] The 5 × 5 sees further, and has more weights.
  It has more weights, but the pair sees just as far: 1 + 2 + 2 = 5 pixels.
- [ ] Both see equally far, and the pair has more weights.
  Count for one pair of channels: two layers of 9 weights are 18, one of 25 is 25.
- [x] Both see equally far, and the pair has fewer weights.
  18 against 25 for each pair of channels. The pair also has a ReLU in between, so it can express more.
""")

# %%
# @title Question 2
usft.Quiz("""
You freeze all parameters of a group, but leave its batch normalisation in training mode. You train the rest for 100
steps. Then you switch to evaluation mode. Is the group's answer to the same input as before training?

- [ ] Yes: frozen parameters do not change.
  They do not. But the running mean and variance are not parameters, and they change in training mode.
- [x] No: its running statistics have changed.
  Every batch moves them a little. So the "frozen" group answers differently afterwards. Lesson 04 measures it.
- [ ] Only if gamma and beta are trained as well.
  Running statistics move without any gradient, whether gamma and beta are trained or not.
""")

# %%
# @title Question 3
usft.Quiz("""
Two masks of one lesion have the same Dice, 0.85. Which of them is better for measuring the area? (From lesson 01.)

- [ ] The one with the higher IoU.
  On one image, equal Dice means equal IoU.
- [x] Dice cannot tell: compare their areas with the true one.
  A shifted mask may have exactly the right area, and a mask without its rim is too small. One number hides this.
- [ ] Neither: they are equally good.
  They share one number, not one mistake.
""")

# %% [markdown]
# ## What this does not show
#
# * A gradient tells what a *small* change does, on these images.
# * What a group sees does not tell whether it should be trained. That takes experiments.
# * The widths come from simulated X-rays and one trained network.

# %% [markdown]
# ## Recap
#
# * Channels double from level to level, so each level has four times as many parameters.
# * Batch normalisation uses the batch in training and its running statistics in prediction.
# * A receptive field says what could matter, an effective receptive field what does.
#
# ## Try it alone
#
# Cut the skip connections: in the cell of the forward pass, put zeros in place of `x1` to `x4`, but only in the lines
# of `dec4` to `dec1`. How does the answer change?

# %% [markdown]
# ## Further reading
#
# * Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
#   [doi 10.1007/978-3-319-24574-4_28](https://doi.org/10.1007/978-3-319-24574-4_28). The original has no padding and no
#   batch normalisation.
# * Ioffe and Szegedy, "Batch Normalization", 2015, [arXiv 1502.03167](https://arxiv.org/abs/1502.03167).
# * Luo, Li, Urtasun, Zemel, "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", 2016,
#   [arXiv 1701.04128](https://arxiv.org/abs/1701.04128).
