"""Data sets: a file for each public one, the registry, the cache, and a student's own folders."""

from ..errors import DataUnavailable
from .catalogue import datasets
from .drive import use_drive
from .folder import load_folder
from .loading import load

__all__ = ["DataUnavailable", "datasets", "load", "load_folder", "use_drive"]
