"""The end of a project: a sealed test set, sentences that the data can carry, a page to hand over (lesson 16)."""

from .page import report
from .seal import Seal, seal
from .words import FEWEST, sentence
