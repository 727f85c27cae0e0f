"""Simulated images with exact masks: always at hand, on any machine (lessons 01, 04)."""

from .radiograph import simulate_radiographs
from .ultrasound import simulate_ultrasound

__all__ = ["simulate_radiographs", "simulate_ultrasound"]
