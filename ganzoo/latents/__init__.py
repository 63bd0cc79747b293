"""What can be done with the latents of any trained generator.

Example:
    >>> from ganzoo import latents
    >>> gan = ganzoo.load("dcgan")
    >>> latents.save("path.gif", latents.interpolate(gan, seeds=(0, 1, 2)))
"""

from ganzoo.latents.drawing import draw, save
from ganzoo.latents.interpolation import interpolate, slerp
from ganzoo.latents.projection import Projection, project
from ganzoo.latents.semantics import Directions, directions, walk
from ganzoo.latents.truncation import truncations

__all__ = [
    "Directions",
    "Projection",
    "directions",
    "draw",
    "interpolate",
    "project",
    "save",
    "slerp",
    "truncations",
    "walk",
]
