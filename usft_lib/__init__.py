"""Which layers? Fine-tuning U-Nets for ultrasound: the library of the course. ``import usft_lib as usft``."""

import os

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # before PyTorch: threads that wait awake take cores from the others

from . import plots
from .adapters import lora, merge, train_parameters
from .apply import segment_folder, segment_image
from .checkpoints import load_model, load_state, pretrained, save_model, save_state
from .cost import summary
from .data import SegmentationData
from .device import environment
from .errors import BadInput, DataUnavailable, TrainingDiverged
from .exercises.answers import assignment, explain, solution
from .exercises.checks import Todo, WrongAnswer, check, check_range
from .exercises.progress import guess, guesses, progress
from .freezing import contracting, expanding, first, freeze, inner, last, outer, train_only, trained, unfreeze
from .inference import segment
from .intervals import bootstrap_mean, paired_difference, reading, seed_difference, seed_mean, subject_interval, verdict
from .losses import dice_and_cross_entropy, soft_dice_loss
from .metrics import dice, evaluate, hausdorff95, head_circumference_mm, iou, mean_shape, score, summarise
from .plots import alt
from .probes import (
    activations,
    effective_receptive_field,
    effective_receptive_field_width,
    gradient_ratio,
    linear_cka,
    receptive_fields,
    reestimate_statistics,
)
from .report import report, seal, sentence
from .simulate import (
    Scene,
    bmode,
    in_speckle,
    radio_frequency,
    scene_table,
    shifted_shapes,
    shifted_speckle,
    simulate_radiographs,
    simulate_ultrasound,
    true_contrast_db,
    ultrasound_scenes,
)
from .sources import check_folder, datasets, in_colab, load, load_folder, near_duplicates, use_drive
from .study.records import results, verdicts
from .training import History, Training, fit
from .unet import UNet, groups
from .widgets.diagram import UNetDiagram
from .widgets.lab import Lab
from .widgets.panels import freeze_panel, speckle_panel
from .widgets.quiz import Quiz
from .widgets.tasks import Task

__version__ = "0.1.0"

_WIDGETS = {"SpeckleBench": "speckle_bench", "FreezeLab": "freeze_lab", "ResultsExplorer": "results_explorer",
            "explorer_table": "results_explorer"}  # name → file in widgets/  # fmt: skip


def __getattr__(name: str):
    """The anywidgets, imported when first asked for: that takes half a second, and not everybody has anywidget."""
    if name not in _WIDGETS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(f".widgets.{_WIDGETS[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if error.name not in ("anywidget", "ipywidgets", "traitlets"):
            raise
        raise ImportError(
            f"usft.{name} needs {error.name}, which is not installed: python -m pip install anywidget ipywidgets"
        ) from None


def __dir__() -> list[str]:
    return sorted([*globals(), *_WIDGETS])
