"""The Inception network of December 2015, in which the FID is defined.

Its weights and its structure differ from the InceptionV3 of keras.applications and of
torchvision: 1008 classes, averages that leave the padding out, a maximum in the pooled
branch of the last block, and the resize that TensorFlow 1 had. A distance that is
measured in another network is no FID.

Source: Szegedy et al. 2016 (arXiv:1512.00567); Heusel et al. 2017 (arXiv:1706.08500).
The graph is the one of `inception-2015-12-05.tgz`, as torch-fidelity reads it.
"""

from pathlib import Path

import keras
from keras import layers, ops

from ganzoo.metrics import inception_weights
from ganzoo.metrics.inception_weights import SHA256

__all__ = ["SHA256", "Resized", "build", "load"]

SIZE = 299  # height and width that the network sees
CLASSES = 1008

# No policy and no setting of the user may change what the network computes.
_FLOAT = {"dtype": "float32"}
_PICTURES = {"dtype": "float32", "data_format": "channels_last"}


def load(path: str | Path | None = None) -> keras.Model:
    """Return the network with the published weights, frozen.

    Args:
        path: a file of weights to take as it is, instead of the published one. Other
            weights make other scores, which must not be called FID.

    The published file (96 MB) is kept in `paths.home() / "networks"`; it is downloaded
    if it is not there, unless `GANZOO_OFFLINE` is set. Its sha256 is checked, and it is
    read without torch and without running anything that is in it.

    Raises: `GanzooError` for a file that is missing, damaged, unsafe, or of another
    network.

    Example:
        >>> outputs = inception.load()(images)  # uint8 (n, height, width, 3)
        >>> outputs["features"].shape, outputs["logits"].shape
        ((n, 2048), (n, 1008))
    """
    file = inception_weights.find() if path is None else Path(path).expanduser()
    model = build()
    inception_weights.assign(model, file)
    return model


def build() -> keras.Model:
    """Return the network, its kernels still 0: uint8 RGB (n, h, w, 3) -> dict.

    Height and width are any. "features" (n, 2048) is the mean over the last map
    (pool3), at least 0; "logits" (n, 1008) is the last layer without its bias, as the
    Inception score is computed.

    Example:
        >>> build().count_params()
        23884384
    """
    x = images = keras.Input((None, None, 3), dtype="uint8", name="image")
    x = Resized(SIZE, name="resized", **_FLOAT)(x)
    x = layers.Rescaling(1 / 128, -1.0, name="scaled", **_FLOAT)(x)
    x = _mixed_7(_mixed_6(_mixed_5(_stem(x))))
    features = layers.GlobalAveragePooling2D(name="features", **_PICTURES)(x)
    head = layers.Dense(
        CLASSES, use_bias=False, kernel_initializer="zeros", name="fc", **_FLOAT
    )
    outputs = {"features": features, "logits": head(features)}
    model = keras.Model(images, outputs, name="inception_2015")
    model.trainable = False  # batch norm keeps to its stored moments in any mode
    return model


@keras.saving.register_keras_serializable("ganzoo")
class Resized(layers.Layer):
    """Bilinear resize (n, h, w, c) -> (n, size, size, c) by the rule of TensorFlow 1.

    Pixel i of the output lies at i * h / size of the input: corners are not aligned,
    and pixels have no centres at half (tf.compat.v1.image.resize_bilinear with
    align_corners=False). keras.ops.image.resize and Pillow put it elsewhere.

    Example:
        >>> Resized(4)(np.uint8([[[[0], [60]]]]))[0, 0, :, 0]
        [0, 30, 60, 60]
    """

    def __init__(self, size: int, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        return self._along(self._along(x, axis=2), axis=1)  # columns, then rows

    def _along(self, x, axis):
        length = ops.shape(x)[axis]
        step = ops.cast(length, "float32") / self.size
        place = ops.arange(self.size, dtype="float32") * step
        below = ops.cast(ops.floor(place), "int32")
        above = ops.minimum(below + 1, length - 1)
        share = place - ops.cast(below, "float32")
        share = ops.reshape(share, (-1, *[1] * (3 - axis)))
        low, high = (ops.take(x, each, axis=axis) for each in (below, above))
        return low + (high - low) * share

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[-1])

    def get_config(self):
        return super().get_config() | {"size": self.size}


# ------------------------------------------------------------------- the blocks
# A layer is (name, filters, kernel[, stride]); names are those of the weight file.


def _stem(x):
    x = _convolution(x, "Conv2d_1a_3x3", 32, 3, 2)
    x = _convolution(x, "Conv2d_2a_3x3", 32, 3, padding="valid")
    x = _convolution(x, "Conv2d_2b_3x3", 64, 3)
    x = _halved(x, "MaxPool_1")
    x = _convolution(x, "Conv2d_3b_1x1", 80, 1)
    x = _convolution(x, "Conv2d_4a_3x3", 192, 3, padding="valid")
    return _halved(x, "MaxPool_2")


def _mixed_5(x):
    for block, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        five = [("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)]
        three = [("branch3x3dbl_1", 64, 1), *_double_three("branch3x3dbl")]
        branches = [
            _branch(x, block, [("branch1x1", 64, 1)]),
            _branch(x, block, five),
            _branch(x, block, three),
            _branch(_averaged(x, block), block, [("branch_pool", pooled, 1)]),
        ]
        x = _joined(branches, block)
    return x


def _double_three(name, stride=1):
    return [(f"{name}_2", 96, 3), (f"{name}_3", 96, 3, stride)]


def _mixed_6(x):
    three = [("branch3x3dbl_1", 64, 1), *_double_three("branch3x3dbl", stride=2)]
    branches = [
        _branch(x, "Mixed_6a", [("branch3x3", 384, 3, 2)]),
        _branch(x, "Mixed_6a", three),
        _halved(x, "Mixed_6a_halved"),
    ]
    x = _joined(branches, "Mixed_6a")
    for block, width in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        x = _sevens(x, f"Mixed_{block}", width)
    return x


def _sevens(x, block, width):
    """Kernels of 7x7, each as a row of 7 and a column of 7."""
    row, column = (1, 7), (7, 1)
    seven = [
        ("branch7x7_1", width, 1),
        ("branch7x7_2", width, row),
        ("branch7x7_3", 192, column),
    ]
    double = [
        ("branch7x7dbl_1", width, 1),
        ("branch7x7dbl_2", width, column),
        ("branch7x7dbl_3", width, row),
        ("branch7x7dbl_4", width, column),
        ("branch7x7dbl_5", 192, row),
    ]
    branches = [
        _branch(x, block, [("branch1x1", 192, 1)]),
        _branch(x, block, seven),
        _branch(x, block, double),
        _branch(_averaged(x, block), block, [("branch_pool", 192, 1)]),
    ]
    return _joined(branches, block)


def _mixed_7(x):
    seven = [
        ("branch7x7x3_1", 192, 1),
        ("branch7x7x3_2", 192, (1, 7)),
        ("branch7x7x3_3", 192, (7, 1)),
        ("branch7x7x3_4", 192, 3, 2),
    ]
    branches = [
        _branch(x, "Mixed_7a", [("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3, 2)]),
        _branch(x, "Mixed_7a", seven),
        _halved(x, "Mixed_7a_halved"),
    ]
    x = _joined(branches, "Mixed_7a")
    x = _widest(x, "Mixed_7b", _averaged)
    # Only this graph takes the maximum here. It is part of what FID is.
    return _widest(x, "Mixed_7c", _highest)


def _widest(x, block, pool):
    three = _branch(x, block, [("branch3x3_1", 384, 1)])
    double = [("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3)]
    branches = [
        _branch(x, block, [("branch1x1", 320, 1)]),
        *_row_and_column(three, block, "branch3x3_2"),
        *_row_and_column(_branch(x, block, double), block, "branch3x3dbl_3"),
        _branch(pool(x, block), block, [("branch_pool", 192, 1)]),
    ]
    return _joined(branches, block)


def _row_and_column(x, block, name):
    """A kernel of 1x3 and one of 3x1, side by side."""
    yield _branch(x, block, [(f"{name}a", 384, (1, 3))])
    yield _branch(x, block, [(f"{name}b", 384, (3, 1))])


# -------------------------------------------------------------- their ingredients


def _branch(x, block, steps):
    for name, *rest in steps:
        x = _convolution(x, f"{block}_{name}", *rest)
    return x


def _convolution(x, name, filters, kernel, stride=1, padding=None):
    """Convolution without bias, batch norm, ReLU; of stride 2 it is never padded."""
    padding = padding or ("same" if stride == 1 else "valid")
    x = layers.Conv2D(
        filters,
        kernel,
        stride,
        padding,
        use_bias=False,
        kernel_initializer="zeros",
        name=f"{name}_conv",
        **_PICTURES,
    )(x)
    # The graph of 2015 has no scale here. The file names one: it is taken as it is.
    x = layers.BatchNormalization(epsilon=0.001, name=f"{name}_bn", **_FLOAT)(x)
    return layers.ReLU(name=f"{name}_relu", **_FLOAT)(x)


def _halved(x, name):
    return layers.MaxPooling2D(3, 2, name=name, **_PICTURES)(x)


def _averaged(x, block):
    """Mean over 3x3; at the border over the pixels that exist, padding not counted."""
    return layers.AveragePooling2D(3, 1, "same", name=f"{block}_averaged", **_PICTURES)(
        x
    )


def _highest(x, block):
    return layers.MaxPooling2D(3, 1, "same", name=f"{block}_highest", **_PICTURES)(x)


def _joined(branches, block):
    return layers.Concatenate(name=block, **_FLOAT)(branches)
