"""Directions along which a generator's pictures change most, in closed form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo import sampling
from ganzoo.errors import GanzooError
from ganzoo.latents.drawing import (
    checked_seeds,
    draw_told,
    inputs,
    latents_of,
    told_of,
)
from ganzoo.layers.progressive import PixelNormalization

__all__ = ["Directions", "directions", "walk"]

DISTANCES = tuple(0.75 * step for step in range(-4, 5))  # -3 to 3
_CHECKS = 4  # random latents on which the first layers must be affine


@dataclass(frozen=True)
class Directions:
    """Directions in a generator's latents, the strongest first.

    Attributes:
        vectors: float32 (count, latent_dim), orthonormal.
        strengths: float32 (count,): how far a step of length 1 moves the output of the
            layers that the latents reach first, in the Euclidean norm.
    """

    vectors: np.ndarray
    strengths: np.ndarray


def directions(gan, count: int = 5) -> Directions:
    """Return the directions that move the generator's first layers most (SeFa).

    Of a first layer y = A z + b, they are the eigenvectors of A^T A with the largest
    eigenvalues, strengths their roots. Nothing is trained or drawn for it.

    A first layer is each with a kernel that the latents reach with none before it; A is
    measured by sending in the unit vectors, its activation left out, so that it may
    stand behind reshapes, and behind labels that were joined to the latents. What holds
    the latents' length before it, as in ProGAN, is left out. Of several layers the A
    are stacked; of several classes A^T A is the mean.

    Args:
        count: how many, at most latent_dim.

    Raises: `GanzooError` for other counts, and for generators without such a layer.

    Source: Shen & Zhou, "Closed-Form Factorization of Latent Semantics in GANs", 2021,
    arXiv:2007.06600, section 3.

    Example:
        >>> found = directions(ganzoo.load("dcgan"), count=3)
        >>> pictures = walk(gan, found.vectors[0], seeds=(0, 1))
    """
    if isinstance(count, bool) or not 1 <= count <= gan.latent_dim or count % 1:
        raise GanzooError(
            f"count is a whole number from 1 to latent_dim, {gan.latent_dim}; received "
            f"{count!r}."
        )
    squares = sum(
        _squares(gan, layer, entrance)
        for layer, entrance in _first_layers(gan.first_network())
    )
    values, vectors = np.linalg.eigh(squares)
    vectors, values = vectors.T[::-1][:count], values[::-1][:count]
    # An eigenvector is one with its opposite: the largest component is to be positive.
    peaks = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], axis=1)
    return Directions(
        vectors=np.float32(vectors * np.sign(peaks)),
        strengths=np.float32(np.sqrt(np.maximum(values, 0))),
    )


def walk(
    gan,
    direction: np.ndarray,
    seeds: int | Sequence[int] = (0,),
    *,
    distances: Sequence[float] = DISTANCES,
    labels: Sequence[Any] | None = None,
    text: Sequence[str] | str | None = None,
) -> np.ndarray:
    """Return uint8 pictures (seeds, distances, height, width, channels).

    Row i is seed i's picture, moved along the direction by each of the distances.
    Uniform latents that leave [-1, 1] are clipped to it.

    Args:
        direction: (latent_dim,), used at its own length.
        seeds: one, or several.
        distances: in units of the direction.
        labels: one for all or one a seed; by default the first class.
        text: one for all or one a seed; by default the model's first.

    Raises: `GanzooError` for a direction of another shape, unknown labels.

    Example:
        >>> walk(gan, directions(gan).vectors[0], seeds=(0, 1), distances=(-2, 0, 2))
    """
    direction = np.asarray(direction, "float32")
    if direction.shape != (gan.latent_dim,) or not np.isfinite(direction).all():
        raise GanzooError(
            f"a direction has shape ({gan.latent_dim},) and finite numbers, received "
            f"{direction.shape}. Take one of directions(gan).vectors."
        )
    if not len(distances):
        raise GanzooError("distances are one or more numbers, received none.")
    seeds = checked_seeds(seeds)
    steps = np.float32(distances)[:, None] * direction
    latents = latents_of(gan, seeds)[:, None] + steps
    if gan.latent_distribution == "uniform":
        latents = np.clip(latents, -1, 1)
    told = {
        name: np.repeat(rows, len(steps), axis=0)
        for name, rows in told_of(gan, len(seeds), labels, text).items()
    }
    images = draw_told(gan, latents.reshape(-1, gan.latent_dim), told)
    return images.reshape(len(seeds), len(steps), *gan.image_shape)


# ------------------------------------------------------------------ the first layers


def _first_layers(network):
    """The layers with a kernel that the latents reach first, and what enters them."""
    reached = {id(network.input["latents"])}
    found = []
    for operation in network.operations:
        entrance = operation.input
        if not reached & {id(each) for each in keras.tree.flatten(entrance)}:
            continue
        layer = _inner(operation)
        if hasattr(layer, "kernel") and not isinstance(entrance, list):
            found.append((layer, entrance))
        else:
            reached |= {id(each) for each in keras.tree.flatten(operation.output)}
    if not found:
        raise _no_directions(network, "it has no layer with a kernel")
    return found


def _inner(layer):
    """A layer out of those that wrap it, such as a spectral normalisation."""
    while not hasattr(layer, "kernel") and hasattr(layer, "layer"):
        layer = layer.layer
    return layer


def _squares(gan, layer, entrance):
    """A^T A (latent_dim, latent_dim) of a layer, the mean over the classes."""
    network = gan.first_network()
    before = keras.models.clone_model(
        keras.Model(network.input, entrance),
        clone_function=lambda each: each,
        call_function=_at_any_length,
    )
    linear = _without_activation(layer, entrance.shape)
    classes = range(gan.num_classes) if "label" in network.input else [None]
    maps = (
        _measured(gan, before, linear, None if number is None else [number])
        for number in classes
    )
    return sum(found @ found.T for found in maps) / len(classes)


def _at_any_length(layer, *args, **kwargs):
    """What a layer makes of its inputs; of latents with any length, the latents."""
    passes = isinstance(layer, PixelNormalization)
    return args[0] if passes else layer(*args, **kwargs)


def _without_activation(layer, shape):
    """A copy of a layer that is affine, in float32."""
    config = layer.get_config() | {"dtype": "float32"}
    if "activation" in config:
        config["activation"] = "linear"
    copy = type(layer).from_config(config)
    copy.build(shape)
    copy.set_weights(layer.get_weights())
    return copy


def _measured(gan, before, linear, labels):
    """A^T, float64 (latent_dim, units), of one class; checked to be all there is."""
    dim = gan.latent_dim
    checks = sampling.draw_latents(gan, _CHECKS, np.random.default_rng(0))
    probes = np.concatenate([np.zeros((1, dim)), np.eye(dim), checks]).astype("float32")
    told = told_of(gan, len(probes), labels)
    entering = sampling.run(before, inputs(gan, probes, told))
    outputs = ops.convert_to_numpy(linear(np.float32(entering)))
    outputs = np.float64(outputs).reshape(len(probes), -1)
    moved = outputs[1:] - outputs[0]
    found, seen = moved[:dim], moved[dim:]
    # bfloat16 keeps two or three digits, so no more is asked.
    if np.linalg.norm(seen - checks @ found) > 0.02 * np.linalg.norm(seen):
        raise _no_directions(gan.generator_ema, "its first layers are not affine")
    return found


def _no_directions(network, why):
    return GanzooError(
        f"{network.name!r} has no directions in closed form: {why}, as the method asks "
        "(a Dense layer or a convolution that the latents reach with nothing but "
        "reshapes and labels before it). interpolate and project work all the same."
    )
