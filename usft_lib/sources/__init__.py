"""Data sets: a file for each public one in ``sets/``, the registry, the cache, and a student's own folders."""

from .cache import in_colab, use_drive
from .catalogue import datasets
from .duplicates import near_duplicates
from .folder import check_folder, load_folder
from .loading import load
