"""What else can be trained than whole groups: normalisation alone, biases alone, low-rank changes (lesson 15).

All of it obeys `freeze`: whatever is chosen here learns in groups that are not frozen, before or after the choice. And
where only a part of a group learns, its batch normalisation uses and keeps its stored statistics, as when it is frozen:
scale and shift can make up for statistics that do not fit, and nothing moves that was not chosen.

The head alone needs nothing of this: ``usft.train_only(model, ["head"])``.
"""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .errors import BadInput, check_count, check_name
from .freezing import check_groups, train_only, unfreeze
from .seeds import generator
from .unet import UNet, check_network


def train_parameters(model: UNet, kind: str) -> UNet:
    """Let only one kind of parameter learn, in all groups that are not frozen (lesson 15). Returns the model.

    Args:
        kind: ``"norm"``, the scale and shift of batch normalisation (Frankle, Schwab and Morcos, ICLR 2021, arXiv
            2003.00152; 2 944 numbers in the course's network); ``"bias"``, everything that is added: the shifts of
            normalisation and the biases of up-convolutions and head (as in BitFit: Ben Zaken et al., ACL 2022, arXiv
            2106.10199); ``"all"`` ends it.

    Raises:
        BadInput: there is no such kind, or the network has LoRA.
    """
    names = [name for name, _ in model.named_parameters()]
    # By kind of module: in this U-Net a normalisation is called enc1.1, not "bn".
    norms = {name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    learning = {
        "all": set(names),
        "norm": {name for name in names if name.rpartition(".")[0] in norms},
        "bias": {name for name in names if name.endswith(".bias")},
    }
    check_name("kind of parameter", kind, learning)
    _refuse_lora(model)
    model.fixed = frozenset(names) - learning[kind]
    return unfreeze(model, [])  # frozen groups stay frozen; the others obey what was just chosen


class LowRank(nn.Module):
    """A convolution with the weight W + left · right, two narrow matrices (lesson 15).

    W is read as a matrix, ``weight.flatten(1)``: ``[out, in · k²]`` of a convolution, ``[in, out · k²]`` of an
    up-convolution. The product is added to the weight, not to the output, so both kinds are treated alike, and the
    network computes with the very numbers that `merge` leaves, in bf16 as well. The price: the gradient of the whole
    weight is computed on the way. This saves parameters and the optimiser's memory, and hardly any time.
    """

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d, rank: int, random: torch.Generator):
        super().__init__()
        rows, columns = layer.weight.flatten(1).shape
        rank = min(rank, rows, columns)  # no matrix has a higher one
        self.plain = layer
        # One of them is zero, so nothing changes at the start; were both, neither would ever get a gradient.
        self.left = nn.Parameter(layer.weight.new_zeros(rows, rank))
        self.right = nn.Parameter(torch.randn(rank, columns, generator=random).to(layer.weight) / columns**0.5)

    @property
    def weight(self) -> Tensor:
        with torch.autocast(self.left.device.type, enabled=False):  # the product in float32, as `merge` computes it
            # In a clone, which has W's layout in memory: with another, convolutions are computed in another way.
            return self.plain.weight.clone().add_((self.left @ self.right).view_as(self.plain.weight))

    def forward(self, x: Tensor) -> Tensor:
        return functional_call(self.plain, {"weight": self.weight}, (x,))


def low_rank(model: UNet) -> dict[str, LowRank]:
    """The convolutions that carry LoRA, by name."""
    return {name: module for name, module in check_network(model).named_modules() if isinstance(module, LowRank)}


def lora(model: UNet, names: list[str], rank: int = 4, seed: int = 0) -> UNet:
    """Train low-rank changes of the convolutions in these groups, and nothing else (lesson 15). Returns the model.

    Every convolution and up-convolution keeps its weight W and learns two matrices whose product is added to it
    (Hu et al., "LoRA", ICLR 2022, arXiv 2106.09685, there for linear layers; the product is not scaled here). At the
    start the network is the same, bit for bit. `unfreeze` lets further groups train as a whole; `merge` ends it.

    Args:
        rank: of the change; less where the matrix itself has fewer rows or columns, as in the head.
        seed: of the matrices' first numbers.

    Raises:
        BadInput: there is no such group, the rank is no whole number of at least 1, or there is LoRA already.
    """
    names, rank = check_groups(model, names), check_count("rank", rank)
    _refuse_lora(model)
    for name, layer in list(model.named_modules()):
        if name.partition(".")[0] in names and isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            _put(model, name, LowRank(layer, rank, generator("lora", seed, name)))
    learning = {f"{name}.{side}" for name in low_rank(model) for side in ("left", "right")}
    own = {name for name, _ in model.named_parameters() if name.partition(".")[0] in names}
    model.fixed = frozenset(own - learning)
    return train_only(model, names)


@torch.no_grad()
def merge(model: UNet) -> UNet:
    """Add LoRA's products to the weights, so that the network is plain again and does the same (lesson 15).

    Groups that are not frozen train as a whole afterwards. A network without LoRA is left as it is. Returns the model.
    """
    carried = low_rank(model)
    for name, layer in carried.items():
        layer.plain.weight.copy_(layer.weight)
        _put(model, name, layer.plain)
    if carried:
        model.fixed = frozenset()
        unfreeze(model, [])
    return model


def _refuse_lora(model: UNet) -> None:
    if low_rank(model):
        raise BadInput("This network has LoRA: call usft.merge(model) first. It keeps what was learnt.")


def _put(model: UNet, name: str, layer: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, layer)
