"""A trained network on new images, at their own size: one image, or a folder of them (lesson 16)."""

from .folder import segment_command, segment_folder
from .image import Segmented, segment_image
