"""Sets of layers with a given number of parameters, wherever they lie: position against number (lesson 10, claim 8).

Groups differ a thousandfold in size, so no two of them match. Single convolutions do: they are drawn at random, each
with the normalisation behind it, and the last is trained in as many of its output channels as are still wanted.
"""

from dataclasses import dataclass

import torch
from torch import nn

from .errors import BadInput
from .freezing import named, train_only
from .seeds import generator
from .unet import UNet, groups

CLOSE = 0.05  # of the budget


@dataclass(frozen=True)
class Part:
    """A convolution with its normalisation, trained in its first ``channels`` output channels of ``of``."""

    convolution: str
    norm: str | None
    channels: int
    of: int
    parameters: int  # that are trained

    @property
    def group(self) -> str:
        return self.convolution.partition(".")[0]


def parts(model: UNet) -> list[Part]:
    """Every convolution as a whole part, in path order; together they hold each parameter of the model once."""
    found, modules = [], dict(model.named_modules())
    names = [n for n, m in modules.items() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    for name in names:
        layer, stem, _, place = modules[name], *name.rpartition(".")
        behind = f"{stem}.{int(place) + 1}" if place.isdigit() else ""
        norm = behind if isinstance(modules.get(behind), nn.BatchNorm2d) else None
        count = sum(p.numel() for m in (layer, modules.get(norm)) if m is not None for p in m.parameters())
        found.append(Part(name, norm, layer.out_channels, layer.out_channels, count))
    return found


def draw(model: UNet, strategy: str) -> list[Part]:
    """The set that a strategy such as ``"matched first 2 #3"`` means: draw 3 with as many parameters as first 2 has.

    Whole convolutions in random order, until one does not fit: of that one as many channels as fit. Draws that miss
    the budget by more than 5 % are drawn again; the same strategy always means the same set.

    Raises:
        BadInput: the strategy is not of this form, or no draw comes near its budget.
    """
    like, sign, number = strategy.removeprefix("matched ").partition(" #")
    if not (strategy.startswith("matched ") and sign and number.isdigit()):
        raise BadInput(f"{strategy!r}: say 'matched first 2 #0', with the number of the draw.")
    chosen, everything = named(model, like), parts(model)
    budget = sum(p.numel() for name in chosen for p in groups(model)[name].parameters())
    for again in range(200):
        order = torch.randperm(len(everything), generator=generator("matched", like, number, again)).tolist()
        taken, room = [], budget
        for part in (everything[k] for k in order):
            channels = min(part.of, room * part.of // part.parameters)
            if channels:
                count = part.parameters * channels // part.of
                taken.append(Part(part.convolution, part.norm, channels, part.of, count))
                room -= count
            if channels < part.of:
                break
        if abs(room) <= CLOSE * budget:
            return sorted(taken, key=lambda p: [q.convolution for q in everything].index(p.convolution))
    raise BadInput(f"No set of convolutions comes within 5 % of the {budget:,} parameters of {like}.")


def train_only_these(model: UNet, chosen: list[Part]) -> UNet:
    """Train these parts and freeze all else, normalisation statistics too. Returns the model."""
    train_only(model, {part.group for part in chosen})
    by_name = {part.convolution: part for part in chosen}
    modules = dict(model.named_modules())
    for whole in parts(model):
        if whole.group in model.frozen:
            continue
        part = by_name.get(whole.convolution)
        layers = [modules[name] for name in (whole.convolution, whole.norm) if name]
        if part is None or part.channels < part.of:
            for layer in layers:
                _keep_statistics(layer)
        for layer in layers:
            for parameter in layer.parameters():
                if part is None:
                    parameter.requires_grad_(False)
                elif part.channels < part.of:
                    axis = 1 if isinstance(layer, nn.ConvTranspose2d) and parameter.ndim == 4 else 0
                    parameter.register_hook(_only_first(part.channels, axis))
    return model


def _only_first(channels: int, axis: int):
    """A hook that lets the gradient of the first output channels through. Adam does not move what has none."""

    def cut(gradient: torch.Tensor) -> torch.Tensor:
        kept = torch.zeros_like(gradient)
        kept.narrow(axis, 0, channels).copy_(gradient.narrow(axis, 0, channels))
        return kept

    return cut


def _keep_statistics(layer: nn.Module) -> None:
    """Keep a layer in evaluation mode whatever `train` says: `UNet.train` knows whole groups alone."""
    layer.eval()
    layer.train = lambda mode=True: layer


def shallow_share(chosen: list[Part]) -> float:
    """Of the trained parameters, the part in the contracting path (lesson 10)."""
    return sum(part.parameters for part in chosen if part.group.startswith("enc")) / sum(p.parameters for p in chosen)
