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
from matplotlib.colors import LogNorm
from torch import nn

import usft_lib as usft
from usft_lib.plots import COLOURS, STYLE, unet_figure

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # this lesson trains nothing: "full" measures on more images
SEED = 0
SIZE = 96  # side of the images that we count for, in pixels
WIDE = 256  # side of the images that we measure on: larger than anything the network can see
IMAGES = 4 if PROFILE == "quick" else 16

# %% [markdown]
# Later in this course you will freeze some layers of a U-Net and train others. Which ones? To reason about that you
# need to know three things about each part: how many numbers it holds, how much computing it costs, and how much of the
# image it sees.
#
# Our U-Net has ten groups. Four go down (`enc1` to `enc4`, the contracting path), one lies at the bottom
# (`bottleneck`), four come up (`dec4` to `dec1`, the expanding path), and `head` turns the last features into a mask.
# Its sizes are our reconstruction: those of the paper that this course follows are not known to us.
#
# ## Predict
#
# One group of ten is the bottleneck. **What share of all parameters does it hold?** Write your guess, from 0 to 1.

# %%
usft.guess("02.a", ...)  # your guess

# %% [markdown]
# ## 1 · The brick: a block
#
# Every group but the head is built from one kind of brick. Twice in a row: a 3×3 convolution mixes each pixel with its
# eight neighbours, a batch normalisation puts each channel on a common scale, and a ReLU cuts off what is negative.
#
# `padding=1` adds a rim of zeros, so the size does not shrink. `bias=False` saves a number for each channel: the
# normalisation would subtract it again.


# %%
# NBVAL_CHECK_OUTPUT
def block(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


print(list(block(1, 16)(torch.zeros(8, 1, SIZE, SIZE)).shape), "= images, channels, rows, columns")

# %% [markdown]
# ## Exercise 02.1 · How many numbers does a block learn?
#
# Write the number of parameters of `block(inputs, outputs)` as a formula. Look at the code above, not at PyTorch's
# counters.
#
# * A 3×3 convolution holds 9 weights for each pair of an input channel and an output channel.
# * A batch normalisation learns two numbers a channel, a scale and a shift. It also keeps a running mean and variance:
#   these are counted along the way, not learnt, so they are no parameters.
#
# <details><summary>Hint 1</summary>
#
# Four layers learn: which are they, and how many channels go in and come out of each?
# </details>
# <details><summary>Hint 2</summary>
#
# The first convolution goes from `inputs` to `outputs`, the second from `outputs` to `outputs`. Neither has a bias.
# </details>


# %%
def block_parameters(inputs, outputs):
    # BEGIN SOLUTION return the number of learnt numbers: two convolutions and two normalisations
    first = 9 * inputs * outputs
    second = 9 * outputs * outputs
    return first + second + 2 * (2 * outputs)
    # END SOLUTION


# %%
# @title Check 02.1
# BEGIN CHECK
usft.check(
    block_parameters,
    {
        "no biases": ((16, 16), lambda n: n != 4704, "These convolutions have no bias: look for bias=False."),
        "the normalisation learns": (
            (16, 16),
            lambda n: n != 4608,
            "The normalisations are missing: each learns a scale and a shift a channel.",
        ),
        "statistics are not learnt": (
            (16, 16),
            lambda n: n != 4736,
            "Running mean and variance are kept, not learnt: they are no parameters.",
        ),
        "two of each": ((16, 16), lambda n: n != 2336, "The block holds two convolutions and two normalisations."),
        "16 channels to 16": ((16, 16), 4672, "9 weights a pair of channels, plus 2 numbers a channel and norm."),
        "1 channel to 16": ((1, 16), 2512, "The second convolution goes from outputs to outputs, not from inputs."),
        "3 channels to 8": ((3, 8), 824, "Try it on paper: first 9·3·8, second 9·8·8, then the normalisations."),
    },
    exercise="02.1",
)
# END CHECK

# %%
# BEGIN WRONG "no bias"
def block_parameters(inputs, outputs):
    return 9 * inputs * outputs + outputs + 9 * outputs * outputs + outputs + 4 * outputs
# END WRONG
# BEGIN WRONG "normalisations are missing"
def block_parameters(inputs, outputs):
    return 9 * inputs * outputs + 9 * outputs * outputs
# END WRONG
# BEGIN WRONG "kept, not learnt"
def block_parameters(inputs, outputs):
    return sum(t.numel() for t in block(inputs, outputs).state_dict().values() if t.ndim)
# END WRONG
# BEGIN WRONG "two convolutions and two normalisations"
def block_parameters(inputs, outputs):
    return 9 * inputs * outputs + 2 * outputs
# END WRONG
# BEGIN WRONG "from outputs to outputs"
def block_parameters(inputs, outputs):
    return 2 * (9 * inputs * outputs + 2 * outputs)
# END WRONG
# BEGIN WRONG "9 weights a pair of channels"
def block_parameters(inputs, outputs):
    return 3 * inputs * outputs + 3 * outputs * outputs + 4 * outputs
# END WRONG
# BEGIN RIGHT
def block_parameters(inputs, outputs):
    return outputs * (9 * (inputs + outputs) + 4)
# END RIGHT
# BEGIN RIGHT
def block_parameters(inputs, outputs):
    return sum(p.numel() for p in block(inputs, outputs).parameters())
# END RIGHT
# BEGIN RIGHT
def block_parameters(inputs, outputs):
    total = torch.tensor(0)
    for a, b in ((inputs, outputs), (outputs, outputs)):
        total += torch.tensor([b, a, 3, 3]).prod() + 2 * b
    return total
# END RIGHT

# %% [markdown]
# ## 2 · Down, up and across
#
# Between two blocks on the way down, max-pooling keeps the largest of each 2×2 pixels: half the rows, half the columns.
# The next block then doubles the channels. On the way up, an up-convolution makes four pixels out of one and halves the
# channels.
#
# What gets lost on the way down? Where exactly an edge was. So the way up is handed the features from the same level of
# the way down: the **skip connection**.

# %%
# NBVAL_CHECK_OUTPUT
features = block(1, 16)(torch.zeros(8, 1, SIZE, SIZE))
smaller = nn.functional.max_pool2d(features, 2)
deeper = block(16, 32)(smaller)
larger = nn.ConvTranspose2d(32, 16, kernel_size=2, stride=2)(deeper)
for what, t in {"block": features, "pool": smaller, "block below": deeper, "up again": larger}.items():
    print(f"{what:12s}{list(t.shape)}")

# %% [markdown]
# ## Exercise 02.2 · One step of the decoder
#
# A decoder group gets `x` from below and `skip` from across. It doubles `x` with `up`, joins both along the channels
# (the skip first, as in the library), and convolves the result with `block`. Write that step.
#
# <details><summary>Hint 1</summary>
#
# Three lines, in the order in which the sentence names them.
# </details>
# <details><summary>Hint 2</summary>
#
# Images are `[N, channels, H, W]`, so channels are dimension 1. `torch.cat` joins.
# </details>


# %%
def decoder_step(x, skip, up, block):
    # BEGIN SOLUTION double x, join it with the skip, convolve
    doubled = up(x)
    joined = torch.cat([skip, doubled], dim=1)
    return block(joined)
    # END SOLUTION


# %%
# @title Check 02.2
# BEGIN CHECK
x, skip = torch.ones(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)


def same(t):
    return t


def plus_ten(t):
    return t + 10


def channel_sum(t):
    return t.sum(1, keepdim=True)


usft.check(
    decoder_step,
    {
        "x comes up": ((x, skip, plus_ten, same), lambda t: t.max() == 11, "x was not doubled: call up on it, once."),
        "joined": (
            (x, skip, same, same),
            lambda t: t.shape == (1, 4, 4, 4),
            "Two channels and two channels make four: torch.cat along dimension 1, the channels; do not add.",
        ),
        "the skip comes first": (
            (x, skip, same, same),
            torch.cat([skip, x], 1),
            "The channels stand in the wrong order: first the skip's, then those that came up.",
        ),
        "convolved at the end": (
            (x, skip + 3, same, channel_sum),
            torch.full((1, 1, 4, 4), 8.0),
            "The block convolves what was joined: call it last, on all channels at once, and return its result.",
        ),
        "with real layers": (
            (torch.ones(2, 8, 3, 3), torch.ones(2, 4, 6, 6), nn.Upsample(scale_factor=2), nn.Conv2d(12, 5, 1)),
            lambda t: t.shape == (2, 5, 6, 6),
            "With up-sampled x the height and width are those of the skip.",
        ),
    },
    exercise="02.2",
)
# END CHECK

# %%
# BEGIN WRONG "call up on it"
def decoder_step(x, skip, up, block):
    return block(torch.cat([skip, x], dim=1))
# END WRONG
# BEGIN WRONG "do not add"
def decoder_step(x, skip, up, block):
    return block(skip + up(x))
# END WRONG
# BEGIN WRONG "torch.cat along dimension 1"
def decoder_step(x, skip, up, block):
    return block(torch.cat([skip, up(x)]))
# END WRONG
# BEGIN WRONG "wrong order"
def decoder_step(x, skip, up, block):
    return block(torch.cat([up(x), skip], dim=1))
# END WRONG
# BEGIN WRONG "block convolves what was joined"
def decoder_step(x, skip, up, block):
    return torch.cat([skip, up(x)], dim=1)
# END WRONG
# BEGIN WRONG "call it last"
def decoder_step(x, skip, up, block):
    return torch.cat([skip, block(up(x))], dim=1)
# END WRONG
# BEGIN RIGHT
def decoder_step(x, skip, up, block):
    return block(torch.cat((skip, up(x)), 1))
# END RIGHT
# BEGIN RIGHT
def decoder_step(x, skip, up, block):
    return block(torch.hstack([skip, up(x)]))
# END RIGHT
# BEGIN RIGHT
def decoder_step(x, skip, up, block):
    risen = up(x)
    n, a, h, w = skip.shape
    both = torch.empty(n, a + risen.shape[1], h, w)
    both[:, :a], both[:, a:] = skip, risen
    return block(both)
# END RIGHT

# %% [markdown]
# ## 3 · Follow one image through
#
# From here on we use the library's `usft.UNet`, which is made of these steps. A forward hook writes down what leaves
# each group. Read the table from top to bottom: at which line is the picture smallest, and what has it become by then?

# %%
# NBVAL_CHECK_OUTPUT
torch.manual_seed(SEED)
untrained = usft.UNet(width=16, depth=4)
lines, hooks = [], []
for name, group in usft.groups(untrained).items():
    note = lambda _, given, out, name=name: lines.append(f"{name:12s}{list(out.shape)}")  # noqa: E731
    hooks.append(group.register_forward_hook(note))
untrained.eval()(torch.zeros(1, 1, SIZE, SIZE))
for hook in hooks:
    hook.remove()
print("\n".join(lines))

# %% [markdown]
# The bottleneck: hardly any pixels are left, and sixteen times as many channels as `enc1` has. From there it goes up
# again, to one number a pixel.
#
# ## 4 · Count
#
# `usft.summary` counts the parameters of each group, and the floating-point operations that one image takes on its way
# through: `forward`, in millions (MFLOPs). Compare the two columns on the way down. Which one grows?

# %%
# NBVAL_CHECK_OUTPUT
table = usft.summary(untrained, SIZE).set_index("group")
print(table[["parameters", "forward"]].round(1).to_string())

# %%
share = table.parameters["bottleneck"] / table.parameters["total"]
print(f"share of all parameters in the bottleneck: {share:.2f}; you guessed {usft.guesses().get('02.a', '… none')}")

# %% [markdown]
# One level down, the channels double, so a convolution holds four times as many weights. But there are four times fewer
# pixels to apply them to. So parameters quadruple from level to level, while the computing stays where it was. (`enc1`
# has less of both: it starts from a single channel.)
#
# The decoder groups cost about twice as much as their neighbours across: their first convolution takes in the skip as
# well, and the up-convolution comes on top. Keep this in mind for later: **"train the bottom of the U" and "train few
# parameters" are opposite wishes.**

# %% [markdown]
# ## 5 · How far can it see?
#
# One pixel of a feature map was computed from a square of image pixels, its **receptive field**. Walk along the layers
# and keep two numbers: how many image pixels are seen so far, and how many image pixels apart two neighbours of the
# current map are (the *step*).
#
# * At the start one pixel sees itself, and the step is 1.
# * A kernel of `k` looks at `k − 1` neighbours more. Each is one step away.
# * A stride of `s` makes every later step `s` times longer.
#
# ## Exercise 02.3 · The receptive field
#
# `layers` is a list of pairs `(kernel, stride)`, in order. A 3×3 convolution is `(3, 1)`, a max-pooling `(2, 2)`.
# Return the side of the receptive field in image pixels.
#
# <details><summary>Hint 1</summary>
#
# Begin with two variables, both 1. Each layer changes the first, then the second.
# </details>
# <details><summary>Hint 2</summary>
#
# A layer looks one *step* further for each neighbour: try two layers of `(3, 1)` on paper. They see 5.
# </details>


# %%
def receptive_field(layers):
    # BEGIN SOLUTION walk along the layers: what is seen grows by (kernel - 1) steps, then the step by the stride
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * step
        step *= stride
    return seen
    # END SOLUTION


# %%
# @title Check 02.3
# BEGIN CHECK
two, pool = [(3, 1), (3, 1)], [(2, 2)]  # a block, a pooling

usft.check(
    receptive_field,
    {
        "no layer": (([],), 1, "Without any layer a pixel sees itself: start from 1."),
        "one 3×3": (([(3, 1)],), 3, "A kernel of 3 brings 2 neighbours more: kernel − 1."),
        "a pooling": ((pool,), 2, "A stride counts for the layers after it: let the step grow last."),
        "3×3 after a pooling": (
            (pool + [(3, 1)],),
            6,
            "After a pooling neighbours are two image pixels apart: multiply (kernel − 1) by the step.",
        ),
        "3×3 after two poolings": ((2 * pool + [(3, 1)],), 12, "Steps multiply along the path: 2, then 2 · 2."),
        "kernel 7 with stride 2, then 3": (([(7, 2), (3, 1)],), 11, "The kernel is not always 3, nor the stride 1."),
        "down to enc3": ((2 * (two + pool) + two,), 32, "Do not forget the poolings: a kernel of 2 sees one more."),
        "down to the bottleneck": ((4 * (two + pool) + two,), 140, "Four times (block, pooling), then a block."),
    },
    exercise="02.3",
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
# BEGIN WRONG "let the step grow last"
def receptive_field(layers):
    seen, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        seen += (kernel - 1) * step
    return seen
# END WRONG
# BEGIN WRONG "multiply (kernel − 1) by the step"
def receptive_field(layers):
    return 1 + sum(kernel - 1 for kernel, stride in layers)
# END WRONG
# BEGIN WRONG "Steps multiply"
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

# %% [markdown]
# ## 6 · How far does it really look?
#
# Arithmetic says what *could* matter. A gradient says what *does*: change an image pixel a little, by how much does the
# feature move? That is one backward pass, from one pixel of a group's output back to the image.

# %%
# NBVAL_CHECK_OUTPUT
image = torch.rand(1, 1, WIDE, WIDE, requires_grad=True)
untrained.enc1(image)[0, :, 128, 128].sum().backward()
rows, columns = image.grad[0, 0].nonzero(as_tuple=True)
print(f"enc1 at (128, 128) looks at rows {rows.min()}…{rows.max()} and columns {columns.min()}…{columns.max()}")

# %% [markdown]
# Five by five pixels: what two 3×3 convolutions allow. Now the same for every group. We ask two networks with the same
# architecture: one fresh from the random generator, and one that was trained to find lungs in simulated chest
# radiographs. Both look at simulated radiographs, and `usft.effective_receptive_field` averages the size of the
# gradient over a few of them. `usft.effective_receptive_field_width` is the width of the strip, around the pixel that
# was asked, that holds 95 % of it.

# %%
trained = usft.pretrained("xray-simulated")
images = usft.simulate_radiographs(IMAGES, size=WIDE, seed=SEED).images
theory = usft.receptive_fields(trained)
prints = {
    who: {name: usft.effective_receptive_field(model, images, name) for name in theory}
    for who, model in {"untrained": untrained, "trained": trained}.items()
}
print(f"{'group':12s}{'allowed':>8s}{'trained: 95 % of the gradient within':>40s}")
for name, side in theory.items():
    print(f"{name:12s}{side:6d} px{usft.effective_receptive_field_width(prints['trained'][name]):37d} px")

# %% [markdown]
# Each panel below is centred on the pixel that was asked. Bright is where its feature looks; the scale is logarithmic,
# so that the faint parts show. The dashed square is what the arithmetic allows.

# %%
LOOK = {"norm": LogNorm(1e-4, 1), "cmap": "magma"}
pixel = {"enc1": 1, "enc3": 4, "bottleneck": 16, "dec4": 8, "dec1": 1}  # image pixels to one pixel of the group
with plt.rc_context(STYLE | {"axes.grid": False}):
    figure, panels = plt.subplots(2, 5, figsize=(12, 5.6), layout="constrained", sharex=True, sharey=True)
    for row, who in zip(panels, prints, strict=True):
        for axes, name in zip(row, pixel, strict=True):
            seen, side, at = prints[who][name], theory[name], (WIDE + pixel[name]) / 2
            shades = axes.imshow((seen / seen.max()).clamp(1e-9), **LOOK, extent=(-at, WIDE - at, at - WIDE, at))
            axes.add_patch(plt.Rectangle((-side / 2, -side / 2), side, side, fill=False, edgecolor="w", linestyle="--"))
            axes.set(title=f"{name}, {who}", xlim=(-110, 110), ylim=(-110, 110), xticks=[-100, 0, 100])
    figure.colorbar(shades, ax=panels, label="gradient / largest gradient")
    figure.supxlabel("pixels from the one that was asked", fontsize=12)
    figure.suptitle("Where does one feature look?")
plt.show()
usft.alt("enc1 looks at a dot, the bottleneck at a wide patch; dec1 at a dot before training, wider after it.")

# %% [markdown]
# The last panels differ most: the same group, `dec1`, before and after training. Let us draw the reach of all ten
# groups, in both networks.

# %%
with plt.rc_context(STYLE):
    figure, axes = plt.subplots(figsize=(11, 4.8), layout="constrained")
    axes.plot(list(theory), list(theory.values()), "_", color="black", markersize=26, label="allowed by the layers")
    for who, colour, marker in (("untrained", COLOURS[4], "s"), ("trained", COLOURS[0], "o")):
        widths = [usft.effective_receptive_field_width(prints[who][name]) for name in theory]
        axes.plot(list(theory), widths, marker, color=colour, markersize=10, label=f"{who}: 95 % of the gradient")
    axes.axhline(SIZE, color="0.4", linestyle=":", label=f"side of a {SIZE} px image")
    axes.set(ylabel="width (image pixels)", title="What each part sees: less than it could, and training changes it")
    axes.legend(frameon=False, loc="upper left")
plt.show()
usft.alt("no group looks further than its layers allow, most look less far; training widens what the last groups see.")

# %% [markdown]
# Read the chart from both ends.
#
# * **The first groups see little, trained or not.** `enc1` sees a handful of pixels. It can know edges, grain and
#   texture, and nothing about organs.
# * **The last groups could see everything, but need not.** Untrained, the way through the bottleneck is long and noisy,
#   and the short way over the skip connections wins: `dec1` looks hardly further than `enc1` does. Training opens the
#   long way.
#
# So "near the output" does not mean "sees far", nor "knows the organ". The last group works on what `enc1` hands it
# across, at full resolution. Is it then deep, as it comes last, or shallow, as it lies near the image? That question
# has two answers, and lessons 08 and 09 take one each.

# %% [markdown]
# ## 7 · All of it in one picture
#
# The U, with its widths and heights to scale, and what you have counted written on each group. "Sees" is what the
# layers allow; in the expanding path it depends a little on where the pixel lies, and the picture tells the largest.

# %%
unet_figure(untrained, SIZE, "The bottleneck holds almost half of the parameters; no group dominates the computing")
plt.show()
usft.alt("parameters pile up at the bottom of the U; every decoder group costs the same, about twice an encoder group.")

# %% [markdown]
# **Play with it.** Choose what is trained, and run the cell again.
#
# * `usft.first(model, k)` and `usft.last(model, k)` count groups from either end of the path.
# * `usft.outer(model, k)` and `usft.inner(model, k)` count levels of the U, from the top or from the bottom.
# * A list of names will do as well: `["enc1", "head"]`. In the other four, the tiny head goes with `dec1`.
#
# Blue learns, pale and dashed is frozen, and nothing is to scale. In lesson 04 the drawing comes back, to be clicked.

# %%
model = usft.UNet()
usft.train_only(model, usft.outer(model, 2))  # change me
print(f"{usft.summary(model, SIZE)['trainable'].iloc[-1]:,} parameters to train")
usft.UNetDiagram(model, size=SIZE)

# %% [markdown]
# ## 8 · Which groups must the gradient cross?
#
# Train only the first two groups, or only the last two and the head. Few parameters move in both cases. Is the backward
# pass equally cheap? A gradient starts at the loss, behind the head, and travels back to the first group that is
# trained. In the table, `to_inputs` is the cost of passing it on to earlier layers, and `to_weights` the cost of the
# gradient that changes the weights (millions of FLOPs, for one image).

# %%
# NBVAL_CHECK_OUTPUT
for what, chosen in {"first two": usft.first(model, 2), "last two": usft.last(model, 2)}.items():
    table = usft.summary(usft.train_only(model, chosen), SIZE)
    print(f"{what}: {' '.join(chosen)}")
    print(table[["group", "trained", "trainable", "to_inputs", "to_weights"]].round(1).to_string(index=False), "\n")

# %% [markdown]
# Frozen groups compute no gradient for their weights. But a frozen group that lies *between* a trained one and the loss
# still passes the gradient through. So training the first groups is cheap in parameters, yet its gradient crosses the
# whole network. Lesson 12 holds this count against the clock.

# %% [markdown]
# ## Quiz
#
# Choose before you click. The wrong answers are explained as well.

# %%
# @title Question 1
usft.Quiz("""
Two 3×3 convolutions in a row, or a single one of 5×5, with the same number of channels everywhere. What is true?

- [ ] The 5×5 sees further, and holds more weights.
  It holds more weights, but the pair sees as far: 1 + 2 + 2 = 5 pixels.
- [ ] Both see equally far, and the pair holds more weights, being two layers.
  Count them for one pair of channels: two layers of 9 weights, or one of 25.
- [x] Both see equally far, and the pair holds fewer weights.
  5 × 5 pixels each, from 2 · 9 = 18 weights a pair of channels, or from 25. The two also have a ReLU in between, so
  they can express more with fewer numbers.
""")

# %%
# @title Question 2
usft.Quiz("""
The same network now gets images that are twice as large: 192 instead of 96 pixels a side show the same chest. What
changes?

- [x] FLOPs grow fourfold, and the bottleneck sees a smaller part of the chest.
  There are four times as many pixels to work on. A receptive field is as large in pixels as before, so half as large
  measured in lungs: a network that saw the whole chest at 96 pixels may see only part of it at 192.
- [ ] Parameters and FLOPs both grow fourfold.
  FLOPs do. A convolution does not know how large its image is: its weights, and their number, stay as they are.
- [ ] FLOPs grow fourfold, and every receptive field doubles.
  Kernels and strides have not changed, and nothing else sets a receptive field in pixels.
""")

# %%
# @title Question 3
usft.Quiz("""
Only the bottleneck is trained, all else is frozen. Through which groups does the gradient pass on its way there?

- [ ] Through none: a frozen group lets no gradient through.
  It computes none for its own weights. But without passing it on, nothing would ever reach the bottleneck.
- [x] Through the head and `dec1` to `dec4`, all frozen.
  They lie between the bottleneck and the loss. Check it, column `to_inputs`:
  `usft.summary(usft.train_only(usft.UNet(), ["bottleneck"]), 96)`.
- [ ] Through all the others: over the skips it reaches `enc1` to `enc4` as well.
  It could, but nothing is trained there, neither on the skips nor before the bottleneck. So nobody computes it.
""")

# %% [markdown]
# ## What this does not show
#
# * A gradient tells what moves a feature *a little*, at these images. A feature can depend on something far away in a
#   way that small changes do not reveal.
# * What a layer sees does not tell what it is *for*, nor whether it should be fine-tuned. That takes experiments.
# * The widths were measured on simulated radiographs and with one trained network. Other images and other weights look
#   elsewhere; the limits that the layers set stay.
# * FLOPs are not seconds. Memory traffic, threads and the device decide too.
# * Sizes, normalisation and group boundaries are our reconstruction.

# %% [markdown]
# ## Recap
#
# * Parameters quadruple from level to level on the way down; computing does not.
# * The first groups see a few pixels. The last ones may see everything, but the skips hand them the nearest.
# * A gradient travels back to the first trained group and crosses every frozen one in between.

# %% [markdown]
# ## Further reading
#
# * O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015,
#   doi [10.1007/978-3-319-24574-4_28](https://doi.org/10.1007/978-3-319-24574-4_28). The original has no padding and no
#   batch normalisation.
# * W. Luo, Y. Li, R. Urtasun, R. Zemel, "Understanding the Effective Receptive Field in Deep Convolutional Neural
#   Networks", NIPS 2016, [arXiv 1701.04128](https://arxiv.org/abs/1701.04128).
# * M. Amiri, R. Brooks, H. Rivaz, "Fine-Tuning U-Net for Ultrasound Image Segmentation: Different Layers, Different
#   Outcomes", 2020, doi [10.1109/TUFFC.2020.3015081](https://doi.org/10.1109/TUFFC.2020.3015081): the paper that this
#   course follows.
