"""The drawings of a report: SVG to stand in a page, each with its figures in words."""

from workers.certification.drawings.attacks import (
    ATTACKS,
    NAMES,
    Attack,
    Figures,
    Measure,
    measures,
)
from workers.certification.drawings.canvas import Drawing
from workers.certification.drawings.det import det
from workers.certification.drawings.heat_map import heat_maps
from workers.certification.drawings.histogram import cross_version, everybody, subject
from workers.certification.drawings.ranks import cmc
from workers.certification.drawings.rates import rates
from workers.certification.drawings.relearning import steps

__all__ = [
    "ATTACKS",
    "NAMES",
    "Attack",
    "Drawing",
    "Figures",
    "Measure",
    "cmc",
    "cross_version",
    "det",
    "everybody",
    "heat_maps",
    "measures",
    "rates",
    "steps",
    "subject",
]
