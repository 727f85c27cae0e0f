"""Simulated images with exact masks: always at hand, on any machine (lessons 01, 05)."""

from .phantom import Bmode, bmode
from .presets import PRESETS
from .radiograph import simulate_radiographs
from .scene import Scene, scene_table
from .shifts import in_speckle, shifted_shapes, shifted_speckle
from .ultrasound import radio_frequency, simulate_ultrasound, true_contrast_db, ultrasound_scenes
