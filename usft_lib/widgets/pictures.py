"""A B-mode picture as bytes, as a PNG file, and with its numbers as one SVG for pages on which nothing moves."""

import base64
import io

from PIL import Image

from ..simulate.phantom import Bmode
from .knobs import KNOBS, nearest, numbers


def grey_bytes(shown: Bmode) -> bytes:
    """The picture's grey values as one byte a pixel, row by row."""
    return (shown.image * 255).round().byte().numpy().tobytes()


def png(shown: Bmode) -> bytes:
    """The picture as a PNG file."""
    file = io.BytesIO()
    Image.frombytes("L", shown.image.shape[::-1], grey_bytes(shown)).save(file, "PNG")
    return file.getvalue()


def still(shown: Bmode, settings: dict[str, float]) -> str:
    """Picture, settings and numbers as one SVG, for pages on which nothing moves."""
    lines = [f"{KNOBS[name].label}: {KNOBS[name].marks[nearest({name: v})[name]]}" for name, v in settings.items()]
    lines += [""] + [f"{row['label']}: {row['measured']} (theory {row['theory']})" for row in numbers(shown)]
    text = "".join(
        f'<text x="276" y="{26 + 17 * k}" font-size="12.5">{line}</text>' for k, line in enumerate(lines) if line
    )
    picture = base64.b64encode(png(shown)).decode()
    scale = 256 / shown.scene.side_mm
    middle, radius = 10 + 128, shown.scene.minor_radius_mm * scale
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 276" width="600" height="276" role="img" '
        'font-family="sans-serif"><title>The speckle bench, as it was when this page was made</title>'
        '<rect width="600" height="276" rx="6" fill="#ffffff" stroke="#888888"/>'
        f'<image x="10" y="10" width="256" height="256" href="data:image/png;base64,{picture}"/>'
        f'<circle cx="{middle}" cy="{10 + 10 * shown.scene.lesion_depth_cm * scale:.1f}" r="{radius:.1f}" fill="none" '
        f'stroke="#ffffff" stroke-dasharray="5 4"/><g fill="#222222">{text}</g></svg>'
    )
