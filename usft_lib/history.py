"""What happened in a run of training (lesson 03)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class History:
    """What happened: a loss a step, a Dice a validation, and the settings that produced them (lesson 03)."""

    settings: dict
    loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # training time up to the end of each step; pauses do not count
    val_step: list[int] = field(default_factory=list)
    val_dice: list[float] = field(default_factory=list)  # mean over the validation images

    def frame(self) -> "pd.DataFrame":
        """One row a step: ``step``, ``loss``, ``seconds``, ``val_dice`` (NaN where none was taken)."""
        import pandas as pd

        n = min(len(self.loss), len(self.seconds))
        table = pd.DataFrame({"step": range(1, n + 1), "loss": self.loss[:n], "seconds": self.seconds[:n]})
        return table.assign(val_dice=table["step"].map(dict(zip(self.val_step, self.val_dice, strict=True))))
