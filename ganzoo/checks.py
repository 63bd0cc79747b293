"""What a GAN accepts: arguments and batches, each refusal in plain words."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from ganzoo.errors import GanzooError

__all__ = [
    "as_batch",
    "check_labels_are_used",
    "check_positive",
    "checked_kimg",
    "checked_names",
    "checked_shape",
    "inputs_of",
    "refuse_float16",
    "repeat_to",
]


def refuse_float16() -> None:
    """Raise `GanzooError` where Keras's policy would compute in float16."""
    if "float16" in keras.config.dtype_policy().name.replace("bfloat16", ""):
        raise GanzooError(
            "float16 is not supported: each player would need a loss scale of its "
            "own. Use mixed_bfloat16 or float32: "
            'keras.config.set_dtype_policy("mixed_bfloat16").'
        )


def checked_shape(image_shape: Sequence[int]) -> tuple[int, int, int]:
    """Return (height, width, channels) as ints, or raise `GanzooError`."""
    shape = tuple(image_shape)
    if len(shape) != 3 or min(shape) < 1 or shape[2] not in (1, 3):
        raise GanzooError(
            "image_shape must be (height, width, channels) with 1 or 3 channels, "
            f"received {shape}."
        )
    return tuple(int(each) for each in shape)


def check_labels_are_used(gan: Any) -> None:
    """Raise `GanzooError` for classes that neither network is told of."""
    told = {*inputs_of(gan.generator), *inputs_of(gan.discriminator)}
    if gan.num_classes and "label" not in told:
        raise GanzooError(
            f"{gan.name!r} was given {gan.num_classes} classes, and neither of its "
            "networks is told the label. Add conditioning='projection', or take a "
            "conditional variant such as 'cgan', or leave the classes out."
        )


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of classes as a tuple, or raise `GanzooError`."""
    if isinstance(names, (str, Mapping)) or not all(isinstance(n, str) for n in names):
        raise GanzooError(
            f"class_names must be a list of names, a name a class, received {names!r}."
        )
    return tuple(names)


def check_positive(**values: Any) -> None:
    """Raise `GanzooError` unless each value is an int of at least 1."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise GanzooError(f"{name} must be an int of at least 1, received {value}.")


def inputs_of(network: keras.Model) -> list[str]:
    """Return the names of a network's inputs: the fields of a batch that it reads."""
    return list(network.input)


def as_batch(gan, data: Any) -> dict:
    """Return `data` as the dict of fields that this model learns from.

    Raises: `GanzooError` for images of another shape or type, labels that are missing,
    and batches that do not divide by the turns of a step.
    """
    data = data if isinstance(data, (tuple, list)) else (data,)
    if not isinstance(data[0], Mapping):
        data = [dict(zip(("image", "label"), data, strict=False))]
    data = data[0]
    needed = {"image", *inputs_of(gan.generator), *inputs_of(gan.discriminator)}
    needed -= {"latents"}
    if missing := sorted(needed - set(data)):
        told = "sentence=gan.read(texts)" if gan.told_text else "label=..."
        raise GanzooError(
            f"a batch for {gan.name!r} needs {sorted(needed)}, received "
            f"{sorted(data)}: add {missing}, as in fit(dict(image=..., {told}))."
        )
    batch = {key: data[key] for key in sorted(needed)}
    batch["image"] = _checked_images(gan, batch["image"])
    return batch


def checked_kimg(name: str, value: Any) -> float:
    """Return a length in thousands of real images, or raise `GanzooError`."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:
        raise GanzooError(
            f"{name} must be a number of at least 0, in thousands of real images; "
            f"received {value!r}."
        )
    return value


def _checked_images(gan, images):
    if tuple(images.shape[1:]) != gan.image_shape:
        raise GanzooError(
            f"{gan.name!r} was made for images (batch, "
            f"{', '.join(map(str, gan.image_shape))}), received "
            f"{tuple(images.shape)}. Resize them with ganzoo.data.load(..., "
            "image_size=...), or create the model with their image_shape."
        )
    size = images.shape[0]
    if size is not None and size % gan.turns:
        raise GanzooError(
            f"the batch is divided among {gan.turns} turns (n_critic), so its "
            f"size must be a multiple of that; received {size}."
        )
    return _as_float(images)


def _as_float(images):
    dtype = keras.backend.standardize_dtype(images.dtype)
    if dtype == "uint8":
        return ops.cast(images, "float32") / 127.5 - 1.0
    if "float" not in dtype:
        raise GanzooError(
            "images are uint8 in 0..255 or float in [-1, 1], received "
            f"{dtype}. Convert them with images.astype('uint8')."
        )
    return ops.cast(images, "float32")


def repeat_to(x, count):
    """Return x tiled to `count` rows, a multiple of its own: the labels of copies."""
    size = x.shape[0]
    if size is not None and size == count:
        return x
    copies = count // (size or ops.shape(x)[0])
    return ops.tile(x, (copies, *[1] * (len(x.shape) - 1)))
