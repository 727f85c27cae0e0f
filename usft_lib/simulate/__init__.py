"""Simulated images with exact masks: always at hand, on any machine (lessons 01, 04)."""

from .radiograph import simulate_radiographs
from .speckled import in_speckle
from .ultrasound import simulate_ultrasound

__all__ = ["in_speckle", "simulate_radiographs", "simulate_ultrasound"]
