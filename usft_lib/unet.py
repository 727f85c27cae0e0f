"""The U-Net, its layers in named groups (lesson 02).

Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015,
doi 10.1007/978-3-319-24574-4_28; here with batch normalisation and padded convolutions, so that a mask comes out at the
size of its image. Our reconstruction: the sizes that Amiri et al. (2020) used are not known to us.

    enc1 ──────────────── skip ───────────────→ dec1 → head
      ↓ ½                                         ↑ ×2
      enc2 ─────────────── skip ───────────→ dec2
        ↓ ½                                     ↑ ×2
         …                                     …
                      bottleneck
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .errors import BadInput, check_count, shown


class ConvBlock(nn.Sequential):
    """Twice: 3×3 convolution, batch normalisation, ReLU. ``[N, in, H, W]`` → ``[N, out, H, W]`` (lesson 02)."""

    def __init__(self, in_channels: int, out_channels: int):
        # No bias in the convolutions: the normalisation that follows would subtract it again.
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class DecoderBlock(nn.Module):
    """Double the resolution, join the skip connection, convolve (lesson 02).

    ``[N, 2c, H, W]`` and the skip ``[N, c, 2H, 2W]`` → ``[N, c, 2H, 2W]``.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.up = UpConvolution(2 * channels, channels)
        self.block = ConvBlock(2 * channels, channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.block(torch.cat([skip, self.up(x)], dim=1))


class UNet(nn.Module):
    """A U-Net whose children are its groups: ``enc1 … bottleneck … dec1 head`` (lesson 02).

    Args:
        width: channels of the first level; each level below has twice as many.
        depth: number of levels above the bottleneck.
        in_channels: channels of the image.

    Takes ``[N, in_channels, H, W]`` with H and W multiples of ``2**depth``; returns logits ``[N, 1, H, W]``: a pixel is
    object where its logit is above 0, that is, where its probability ``sigmoid(logit)`` is above ½.
    """

    def __init__(self, width: int = 16, depth: int = 4, in_channels: int = 1):
        width, in_channels = check_count("width", width), check_count("in_channels", in_channels)
        if check_count("depth", depth) > 6:
            raise BadInput(f"depth must be at most 6, not {depth}: each level halves the picture.")
        super().__init__()
        self.width, self.depth, self.in_channels = width, depth, in_channels
        self.frozen: frozenset[str] = frozenset()  # names of frozen groups; freezing.py writes it
        self.fixed: frozenset[str] = frozenset()  # parameters that do not learn in any group; adapters.py writes it
        self.card: dict = {}  # what the weights were trained on; checkpoints.py and training.py write it
        channels = [width * 2**level for level in range(depth + 1)]
        for level in range(depth):
            self.add_module(
                f"enc{level + 1}", ConvBlock(channels[level - 1] if level else in_channels, channels[level])
            )
        self.bottleneck = ConvBlock(channels[-2], channels[-1])
        for level in reversed(range(depth)):
            self.add_module(f"dec{level + 1}", DecoderBlock(channels[level]))
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        step = 2**self.depth
        if image.ndim != 4 or image.shape[1] != self.in_channels or image.shape[2] % step or image.shape[3] % step:
            raise BadInput(
                f"This U-Net takes [N, {self.in_channels}, H, W] with H and W multiples of {step}, "
                f"not {list(image.shape)}."
            )
        if self.depth != 4:
            return self._forward_of_other_depth(image)
        x1 = self.enc1(image)
        x2 = self.enc2(halve(x1))
        x3 = self.enc3(halve(x2))
        x4 = self.enc4(halve(x3))
        x5 = self.bottleneck(halve(x4))
        d4 = self.dec4(x5, x4)
        d3 = self.dec3(d4, x3)
        d2 = self.dec2(d3, x2)
        d1 = self.dec1(d2, x1)
        return self.head(d1)

    def _forward_of_other_depth(self, image: Tensor) -> Tensor:
        """The same as a loop, for small networks in exercises and tests."""
        x, skips = image, []
        for level in range(1, self.depth + 1):
            skips.append(self.get_submodule(f"enc{level}")(x))
            x = halve(skips[-1])
        x = self.bottleneck(x)
        for level in range(self.depth, 0, -1):
            x = self.get_submodule(f"dec{level}")(x, skips.pop())
        return self.head(x)

    def train(self, mode: bool = True) -> "UNet":
        """As `torch.nn.Module.train`, but frozen groups stay in evaluation mode: their statistics do not change.

        So do groups of which only a part learns (`adapters`).
        """
        super().train(mode)
        for name in self.frozen.union(name.partition(".")[0] for name in self.fixed):
            self.get_submodule(name).eval()
        return self


def groups(model: UNet) -> dict[str, nn.Module]:
    """The groups of ``model`` in path order, from the image to the mask: ``{name: module}`` (lesson 02).

    Every parameter and every buffer belongs to exactly one: an up-convolution to the decoder group that it feeds, a
    normalisation to the group of its convolution.
    """
    return dict(check_network(model).named_children())


def check_network(model) -> UNet:
    """Return ``model`` if it is a `UNet`, else raise `BadInput`."""
    if not isinstance(model, UNet):
        raise BadInput(f"model must be a usft.UNet, not {shown(model)}: the network comes first.")
    return model


def halve(x: Tensor) -> Tensor:
    """The largest of each 2 × 2 pixels: ``[N, c, H, W]`` → ``[N, c, H/2, W/2]`` (lesson 02)."""
    return F.max_pool2d(x, 2)


def forward_noting(model: UNet, images: Tensor, layers: Iterable[nn.Module], note: Callable) -> Tensor:
    """The network's answer in evaluation mode; on the way ``note(layer, input, output)`` is called for each layer.

    The model's mode is left as it was.
    """
    hooks = [
        layer.register_forward_hook(lambda module, given, out: note(module, given[0], out)) for layer in set(layers)
    ]
    was_training = model.training
    try:
        return model.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)


class UpConvolution(nn.ConvTranspose2d):
    """The up-convolution, with kernel 2 and stride 2: ``[N, in, H, W]`` → ``[N, out, 2H, 2W]`` (lesson 02).

    It looks at one pixel at a time and makes four of it, so it is one matrix product a pixel and a rearrangement. It is
    written that way because PyTorch's own is slow in bf16 on processors: its gradient to the weights took a tenth of a
    whole training step. The numbers are the same.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, kernel_size=2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        weight = self.weight.permute(2, 3, 1, 0).flatten(0, 2)  # [2 rows × 2 columns × out, in]
        four = F.linear(x.permute(0, 2, 3, 1), weight, self.bias.repeat(4)).view(n, h, w, 2, 2, self.out_channels)
        return four.transpose(2, 3).reshape(n, 2 * h, 2 * w, self.out_channels).permute(0, 3, 1, 2)
