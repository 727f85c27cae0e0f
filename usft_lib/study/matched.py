"""Sets of layers with a given number of parameters, wherever they lie: position against number (lesson 11, claim 8).

Groups differ a thousandfold in size, so no two of them match. Single convolutions do, each with the normalisation
behind it: they are drawn at random, and trained in as many of their output channels as the budget allows.
"""

from dataclasses import dataclass

import torch
from torch import nn

from ..cost import by_pass, convolution_flops, total
from ..errors import BadInput
from ..freezing import named, train_only
from ..seeds import generator
from ..unet import UNet, groups

CLOSE = 0.05  # of the budget
DRAWS = 6


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

    Convolutions in random order, draw 0 leaning to the input, draw 5 to the output, those between less so. Of each as
    many output channels as still fit, and never more than a third of the budget, so that a set holds three at least.
    The same strategy always means the same set, and two draws of a budget never mean one.

    Raises:
        BadInput: the strategy is not of this form, or no draw comes near its budget.
    """
    like, sign, number = strategy.removeprefix("matched ").partition(" #")
    if not (strategy.startswith("matched ") and sign and number.isdigit() and int(number) < DRAWS):
        raise BadInput(f"{strategy!r}: say 'matched first 2 #0', with the number of the draw, 0 to {DRAWS - 1}.")
    drawn: list[list[Part]] = []
    for k in range(int(number) + 1):  # the earlier ones as well: no set is drawn twice
        drawn.append(_draw(model, like, k, drawn))
    return drawn[-1]


def _draw(model: UNet, like: str, number: int, before: list[list[Part]]) -> list[Part]:
    everything = parts(model)
    budget = sum(p.numel() for name in named(model, like) for p in groups(model)[name].parameters())
    lean = 4 * (1 - 2 * number / (DRAWS - 1))
    place = torch.linspace(0, 1, len(everything))
    for again in range(200):
        chance = torch.rand(len(everything), generator=generator("matched", like, str(number), again))
        taken, room = {}, budget
        for k in (lean * place + chance).argsort().tolist():
            part = everything[k]
            channels = min(part.of, min(room, budget // 3) * part.of // part.parameters)
            if channels:
                count = part.parameters * channels // part.of
                taken[k] = Part(part.convolution, part.norm, channels, part.of, count)
                room -= count
            if room <= CLOSE * budget:
                break
        found = [taken[k] for k in sorted(taken)]
        if room <= CLOSE * budget and found not in before:
            return found
    raise BadInput(f"No set of convolutions comes within 5 % of the {budget:,} parameters of {like}.")


def train_only_these(model: UNet, chosen: list[Part]) -> UNet:
    """Train these parts and freeze all else. Returns the model.

    Normalisation keeps its statistics in all of it: sets would else differ in how many of them adapt.
    """
    train_only(model, {part.group for part in chosen})
    by_name = {part.convolution: part for part in chosen}
    modules = dict(model.named_modules())
    for whole in parts(model):
        if whole.group in model.frozen:
            continue
        part = by_name.get(whole.convolution)
        for layer in [modules[name] for name in (whole.convolution, whole.norm) if name]:
            _keep_statistics(layer)
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


def position(chosen: list[Part], model: UNet) -> float:
    """Where a set lies along the path: the mean place of its parameters, 0 at the input and 1 at the output."""
    names = [part.convolution for part in parts(model)]
    whole = sum(part.parameters for part in chosen)
    return sum(part.parameters * names.index(part.convolution) for part in chosen) / whole / (len(names) - 1)


def step_flops(chosen: list[Part], model: UNet, size: int = 128) -> float:
    """Operations of a step that trains this set, against those of training everything (lesson 11).

    A convolution that is trained in part has its whole gradient computed.
    """
    forward = [one for each in convolution_flops(model, size).values() for one in each]
    trained = {part.convolution for part in chosen}
    learns = [part.convolution in trained for part in parts(model)]
    whole, full = (total(by_pass(forward, which)) for which in (learns, [True] * len(forward)))
    return sum(whole.values()) / sum(full.values())
