"""Arithmetic of a training step, counted from the networks' shapes, and GPUs' peaks."""

import math
from typing import Any

import keras

__all__ = ["multiply_adds", "peak", "per_image"]

# Dense peaks in FLOP/s: bfloat16 on the tensor cores, and float32 on them as TF32,
# which is what XLA and cuDNN take for float32 unless told otherwise. From NVIDIA's data
# sheets, whose figures "with sparsity" are halved: "H200 Tensor Core GPU" (2024), "H100
# Tensor Core GPU" (2023), "A100 Tensor Core GPU" (2021), "L4 Tensor Core GPU" (2023).
_PEAKS = {
    "H200": {"mixed_bfloat16": 989e12, "float32": 494e12},
    "H100 PCIe": {"mixed_bfloat16": 756e12, "float32": 378e12},
    "H100": {"mixed_bfloat16": 989e12, "float32": 494e12},
    "A100": {"mixed_bfloat16": 312e12, "float32": 156e12},
    "L4": {"mixed_bfloat16": 121e12, "float32": 60e12},
}


def multiply_adds(network: Any) -> int:
    """Return the multiply-adds of one example's way through a network.

    Counted are the layers with a kernel: positions * kernel size. A position is a
    pixel of the output, of a transposed convolution one of the input. What lies within
    a layer is taken at the positions of that layer's output. Normalisation, biases and
    activations are left out: they are bound by memory.

    Example:
        >>> multiply_adds(gan.generator)
    """
    return sum(
        _positions(layer) * math.prod(kernel.shape)
        for layer in network.layers
        for kernel in _kernels(layer)
    )


def per_image(gan: Any) -> float:
    """Return the FLOPs of training for each real image shown.

    With G and D the multiply-adds of the networks, a turn of the discriminator takes
    G + 6 D an image: a fake is drawn, real and fake go forward and backward (twice the
    way forward). The generator's turn takes 3 G + 2 D a fake: there the
    discriminator's weights get no gradient. A paired loss judges real images once more.
    A multiply-add is two operations. Penalties and the average of the generator are
    left out, so a model with a gradient penalty does more than is counted here.

    Example:
        >>> per_image(ganzoo.create("dcgan", image_shape=(28, 28, 1)))
    """
    generator, critic = map(multiply_adds, (gan.generator, gan.discriminator))
    turns = {player.name: player.turns for player in gan.players}
    dis = turns.get("discriminator", 1) * (generator + 6 * critic)
    gen = gan.g_batch_scale * (3 * generator + 2 * critic)
    gen += critic if gan.objective.paired else 0
    return 2.0 * (dis + turns.get("generator", 1) * gen) / gan.turns


def peak(device: str, precision: str) -> float:
    """Return a device's highest dense FLOP/s in that precision; 0 where unknown.

    Example:
        >>> peak("NVIDIA H200", "mixed_bfloat16")
        989000000000000.0
    """
    words = device.replace("-", " ").split()
    for name, peaks in _PEAKS.items():
        if all(part in words for part in name.split()):
            return peaks.get(precision, 0.0)
    return 0.0


def _kernels(layer):
    """The kernels of a layer and of those within it."""
    within = {id(each): each for each in layer.weights}
    return [each for each in within.values() if each.name == "kernel"]


def _positions(layer):
    """How often a layer's kernel is applied to one example."""
    transposed = isinstance(layer, keras.layers.Conv2DTranspose)
    shape = (layer.input if transposed else layer.output).shape
    return math.prod(shape[1:-1])
