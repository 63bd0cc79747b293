"""Progressive growing: fades, doubled maps, normalisations, networks with stages.

All layers have second derivatives on every backend, as a penalty on the slope of the
discriminator needs: none of them resizes.

Source: Karras et al. 2018, arXiv:1710.10196.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

__all__ = [
    "Doubling2D",
    "Fade",
    "Ladder",
    "MinibatchStandardDeviation",
    "PixelNormalization",
    "Stage",
    "doubled",
    "lerp",
    "pooled",
]

_EPSILON = 1e-8


def lerp(low: Any, high: Any, alpha: Any):
    """Return (1 - alpha) * low + alpha * high: exact at alpha 0 and 1.

    Example:
        >>> lerp(coarse_images, images, 0.5)
    """
    return (1.0 - alpha) * low + alpha * high


def doubled(maps: Any):
    """Return each pixel as 2x2 pixels: (batch, h, w, c) -> (batch, 2h, 2w, c).

    Example:
        >>> doubled(ops.ones((1, 4, 4, 3))).shape
        (1, 8, 8, 3)
    """
    height, width, channels = maps.shape[1:]
    # The slope of a stack is cheap; that of Keras's UpSampling2D, a sum over repeats,
    # takes ten times as long on TensorFlow.
    pixels = ops.stack([maps, maps], axis=3)
    pixels = ops.stack([pixels, pixels], axis=2)
    return ops.reshape(pixels, (-1, 2 * height, 2 * width, channels))


def pooled(maps: Any, size: int):
    """Return the means of size x size pixels: (batch, h, w, c) -> (batch, h', w', c).

    Example:
        >>> pooled(ops.ones((1, 8, 8, 3)), 2).shape
        (1, 4, 4, 3)
    """
    # On JAX the strides do not follow from the size.
    return ops.average_pool(maps, size, strides=size) if size > 1 else maps


@keras.saving.register_keras_serializable("ganzoo")
class Doubling2D(keras.layers.Layer):
    """Nearest-neighbour doubling: (batch, h, w, c) -> (batch, 2h, 2w, c).

    Example:
        >>> Doubling2D()(maps)
    """

    def call(self, maps):
        return doubled(maps)

    def compute_output_shape(self, shape):
        batch, height, width, channels = shape
        return (batch, 2 * height, 2 * width, channels)


@keras.saving.register_keras_serializable("ganzoo")
class Fade(keras.layers.Layer):
    """Goes from one map to another: (1 - alpha) * low + alpha * high.

    alpha in [0, 1] is a weight that is not trained: whoever grows the network sets it.
    Both maps have the output's shape (batch, h, w, c).

    Args:
        start: the first alpha.

    Example:
        >>> Fade(0.0)(low, high)
    """

    def __init__(self, start: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.start = start
        self.alpha = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(start),
            trainable=False,
            autocast=False,
            name="alpha",
        )

    def call(self, low, high):
        return lerp(low, high, ops.cast(self.alpha, high.dtype))

    def compute_output_shape(self, low_shape, high_shape):
        return high_shape

    def get_config(self):
        return super().get_config() | {"start": self.start}


@keras.saving.register_keras_serializable("ganzoo")
class PixelNormalization(keras.layers.Layer):
    """Each pixel's vector at a mean square of 1: x / sqrt(mean_c x^2 + 1e-8).

    (batch, h, w, c), or (batch, c), -> the same shape (section 4.2).

    Example:
        >>> PixelNormalization()(maps)
    """

    def call(self, x):
        wide = ops.cast(x, "float32")
        square = ops.mean(ops.square(wide), axis=-1, keepdims=True)
        return ops.cast(wide * ops.rsqrt(square + _EPSILON), x.dtype)

    def compute_output_shape(self, shape):
        return shape


@keras.saving.register_keras_serializable("ganzoo")
class MinibatchStandardDeviation(keras.layers.Layer):
    """Appends a map that says how much the pictures of a group differ.

    Over the pictures of a group: the standard deviation of each feature at each pixel;
    its mean over all of these fills the map. (batch, h, w, c) -> (batch, h, w, c + 1)
    (section 3). A batch that does not divide into groups has smaller ones; one that
    divides into none is one group.

    Args:
        group_size: pictures a group.

    Example:
        >>> MinibatchStandardDeviation()(maps)
    """

    def __init__(self, group_size: int = 4, **kwargs: Any):
        super().__init__(**kwargs)
        self.group_size = group_size

    def call(self, x):
        size = self._size(x.shape[0] or ops.shape(x)[0])
        groups = ops.reshape(ops.cast(x, "float32"), (size, -1, *x.shape[1:]))
        offset = groups - ops.mean(groups, axis=0, keepdims=True)
        variance = ops.mean(ops.square(offset), axis=0, keepdims=True)
        # The square root has no gradient at 0, where the pictures of a group are one.
        deviation = ops.sqrt(variance + _EPSILON)
        spread = ops.mean(deviation, axis=(2, 3, 4), keepdims=True)
        spread = ops.reshape(
            spread * ops.ones_like(groups[..., :1]), (-1, *x.shape[1:3], 1)
        )
        return ops.concatenate([x, ops.cast(spread, x.dtype)], axis=-1)

    def _size(self, batch):
        """The largest group that divides the batch, or the batch if none does."""
        sizes = range(2, self.group_size + 1)
        if isinstance(batch, int):
            return max((each for each in sizes if batch % each == 0), default=batch)
        found = batch
        for each in sizes:
            found = ops.where(ops.equal(batch % each, 0), each, found)
        return found

    def compute_output_shape(self, shape):
        return (*shape[:-1], shape[-1] + 1)

    def get_config(self):
        return super().get_config() | {"group_size": self.group_size}


@dataclass(frozen=True)
class Ladder:
    """The layers of a network that grows: a list for each stage, smallest maps first.

    A network goes up the ladder from latents to an image, or down from an image to a
    logit. One of stage `top` with `lowest` = `top` has no fade; with `lowest` = 0 it
    has those of all stages, and is the same function as all networks of lower stages
    while the fades above them are at 0.

    Args:
        blocks: the layers of each stage, which lead from or to the stage below.
        rgb: the layers of each stage that lead from maps to colours, or back.
        fades: the `Fade` of each stage; the first has none.
    """

    blocks: Sequence[Sequence[Any]]
    rgb: Sequence[Sequence[Any]]
    fades: Sequence[Any]

    def draw(self, latents: Any, top: int, lowest: int) -> Any:
        """Latents -> the image of stage `top`, with the colours of `lowest` and up."""
        x, image = latents, None
        for stage in range(top + 1):
            x = _through(self.blocks[stage], x)
            if stage == lowest:
                image = _through(self.rgb[stage], x)
            elif stage > lowest:
                image = Doubling2D(dtype="float32")(image)
                image = self.fades[stage](image, _through(self.rgb[stage], x))
        return image

    def judge(self, image: Any, top: int, lowest: int) -> Any:
        """The image of stage `top` -> logit, its colours read at `lowest` and up."""
        x = _through(self.rgb[top], image)
        for stage in range(top, 0, -1):
            x = _through(self.blocks[stage], x)
            if stage > lowest:
                image = keras.layers.AveragePooling2D(2)(image)
                x = self.fades[stage](_through(self.rgb[stage - 1], image), x)
        return _through(self.blocks[0], x)


def _through(chain, x):
    for layer in chain:
        x = layer(x)
    return x


class Stage:
    """A network of one stage, over the layers of the whole network.

    It is no layer of Keras's: Keras saves whatever layers it finds in a model, and is
    to find these once, in the whole network.

    Example:
        >>> Stage(network)({"latents": latents}, training=True)
    """

    def __init__(self, network: keras.Model):
        self.network = network

    def __call__(self, inputs: dict, training: bool | None = None) -> Any:
        return self.network(inputs, training=training)
