"""Every figure of the course, with one look; a lesson's cell calls one function (all lessons)."""

from .curves import (
    differences_figure,
    drift_figure,
    histories_figure,
    levels_figure,
    ordered_figure,
    seeds_figure,
    training_figure,
    within_figure,
)
from .folder import folder_figure
from .masks import distance_inside, dots, show_masks
from .network import by_group_figure, fields_figure, reach_figure
from .pictures import dots_figure, maps_figure, pictures_figure
from .strategies import strategies_figure
from .study import arrivals_figure, gains_figure, pareto_figure, passes_figure, places_figure, roads_figure
from .style import COLOURS, MARKERS, STYLE, alt
from .ultrasound import (
    chain_figure,
    echo_lines_figure,
    grains_figure,
    grids_figure,
    overlap_figure,
    scatterers_figure,
    walks_figure,
    windows_figure,
)
