"""Fill the outline of an object that was drawn as a closed line, such as the ellipse around a head (lesson 10)."""

import numpy as np
from PIL import Image, ImageDraw


def fill_outline(outline: np.ndarray) -> np.ndarray:
    """The area inside a drawn ellipse, up to the middle of its line: bool ``[h, w]`` → bool ``[h, w]``.

    The sonographer's ellipse is the middle of the line, however thick it is drawn: with the whole line, heads would be
    0.7 % too large around, so it is 0.3 % (measured against the published circumferences).
    """
    from scipy.ndimage import distance_transform_edt  # not at the top: it takes half a second

    filled = fill_whole(outline)
    inside = filled & ~outline
    if not inside.any():
        return filled
    outwards = distance_transform_edt(np.pad(filled, 1, mode="edge"))[1:-1, 1:-1]  # a border is no edge
    return filled & (distance_transform_edt(~inside) <= outwards)


def fill_whole(outline: np.ndarray) -> np.ndarray:
    """The area inside a drawn ellipse, line included: bool ``[h, w]`` → bool ``[h, w]``.

    Where the ellipse leaves the picture its line is open and filling gains nothing. The part of an ellipse inside a
    rectangle is convex, so the convex hull of the line is that part (up to a corner of the picture inside the ellipse).
    """
    from scipy.ndimage import binary_fill_holes

    filled = binary_fill_holes(outline)
    if filled.sum() - outline.sum() > outline.sum():
        return filled
    return fill_hull(outline) | outline


def fill_hull(outline: np.ndarray) -> np.ndarray:
    """The convex hull of the True pixels: bool ``[h, w]`` → bool ``[h, w]``."""
    from scipy.spatial import ConvexHull, QhullError

    y, x = np.nonzero(outline)
    points = np.stack([x, y], axis=1)
    try:
        corners = points[ConvexHull(points).vertices]
    except (QhullError, ValueError, IndexError):  # a dot or a straight line has no hull
        return outline.copy()
    canvas = Image.new("L", (outline.shape[1], outline.shape[0]))
    ImageDraw.Draw(canvas).polygon([tuple(map(int, corner)) for corner in corners], fill=1, outline=1)
    return np.asarray(canvas).astype(bool)


LINE = 8  # pixels, or 1 % of the picture's longer side: what is thicker on average is no line
CLOSED, OPEN = 2, 3  # times the line's own area: what a closed line encloses at least, and the hull of an open one


def outlines_in(mask: np.ndarray) -> list[np.ndarray]:
    """The outlines among the objects of a mask, bool ``[h, w]`` each: thin lines that go around something (lesson 16).

    Lines that are cut by the picture's border or drawn in pieces count as one outline together, if their convex hull
    is large against them.
    """
    from scipy.ndimage import binary_fill_holes, find_objects, label

    edge = mask.copy()
    edge[1:-1, 1:-1] &= ~(mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:])
    if edge.sum() * max(LINE, max(mask.shape) / 100) < mask.sum() or not mask.any():
        return []
    numbers, _ = label(mask, np.ones((3, 3)))
    closed, pieces = [], np.zeros_like(mask)
    for number, place in enumerate(find_objects(numbers), 1):
        part = numbers[place] == number
        area, whole = part.sum(), numbers == number
        if binary_fill_holes(part).sum() >= CLOSED * area:
            closed.append(whole)
        elif (np.square(part.shape).sum() > 6 * area) and area > 0.05 * mask.sum():  # long and thin
            pieces |= whole
    if pieces.any() and fill_hull(pieces).sum() >= OPEN * pieces.sum():
        closed.append(pieces)
    return closed
