"""From seeds, labels and truncation to pictures."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ganzoo.errors import GanzooError, unknown

__all__ = [
    "asked_by_label",
    "asked_by_text",
    "checked_count",
    "draw_latents",
    "generate",
    "label_numbers",
    "resolve",
    "run",
    "to_uint8",
]

_CHUNK = 64  # pictures a call of the network


def generate(gan, count, seed, truncation, labels=None, text=None) -> np.ndarray:
    """Return uint8 pictures (count, height, width, channels); see `GAN.generate`."""
    count, told = gan.asked(count, labels, text)
    rng = np.random.default_rng(seed)
    inputs = {"latents": draw_latents(gan, count, rng, truncation), **told}
    return to_uint8(run(gan.generator_ema, inputs))


def asked_by_label(gan, count, labels, text) -> tuple[int, dict[str, np.ndarray]]:
    """Return how many pictures, and their labels where the model has any.

    By default every class in turn: what a grid of a conditional model should show.
    """
    if text is not None:
        raise GanzooError(
            f"{gan.name!r} draws no texts, received text={text!r}. Leave it out, or "
            'load a text-to-image model: ganzoo.list_models(task="text-to-image").'
        )
    count, numbers = resolve(gan, count, labels)
    if not gan.num_classes:
        return count, {}
    if numbers is None:
        numbers = np.arange(count, dtype="int32") % gan.num_classes
    return count, {"label": numbers}


def asked_by_text(gan, count, labels, text) -> tuple[int, dict[str, np.ndarray]]:
    """Return how many pictures, and the vectors of the texts that they show in turn.

    By default the texts that the model shows by itself.

    Raises: `GanzooError` for labels, for no text where the model knows none by itself,
    for fewer pictures than texts, and for texts that cannot be read.
    """
    if labels is not None:
        raise GanzooError(
            f"{gan.name!r} draws texts, not labels; received labels={labels!r}. Ask "
            'with text=["red apple"].'
        )
    given = gan.captions if text is None else [text] if isinstance(text, str) else text
    texts = list(given)
    if not texts:
        raise GanzooError(
            f"{gan.name!r} needs a text to draw, received none. Ask with "
            'text=["red apple", "green apple"].'
        )
    if count is None:
        count = 16 if text is None else len(texts)
    count = checked_count(count)
    if text is not None and count < len(texts):
        raise GanzooError(
            f"count must be at least the number of texts, {len(texts)}, received "
            f"{count}: texts take turns."
        )
    vectors = gan.read(texts[:count])
    return count, {"sentence": vectors[np.arange(count) % len(vectors)]}


def run(network: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return the network's output on numpy inputs, in chunks of one fixed shape."""
    count = len(next(iter(inputs.values())))
    chunks = []
    for start in range(0, count, _CHUNK):
        part = {key: value[start : start + _CHUNK] for key, value in inputs.items()}
        size = min(_CHUNK, count - start)
        padded = {key: np.resize(x, (_CHUNK, *x.shape[1:])) for key, x in part.items()}
        chunks.append(np.asarray(network.predict_on_batch(padded))[:size])
    return np.concatenate(chunks)


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Return images in [-1, 1] as uint8 in 0..255, clipped and rounded.

    Example:
        >>> to_uint8(np.array([-1.0, 0.0, 1.0])).tolist()
        [0, 128, 255]
    """
    return np.clip(np.rint((np.float32(images) + 1) * 127.5), 0, 255).astype("uint8")


def draw_latents(
    gan, count: int, rng: np.random.Generator, truncation: float | None = None
) -> np.ndarray:
    """Return latents float32 (count, latent_dim), drawn by numpy: as on any backend.

    Truncation t scales draws from the middle of the distribution: t * N(0, 1) cut at
    +-2 (BigGAN, arXiv:1809.11096, section 3.1), or t * U[-1, 1].
    """
    if truncation is not None and not 0 < truncation <= 1:
        raise GanzooError(
            f"truncation must be above 0 and at most 1, received {truncation}."
        )
    shape = (count, gan.latent_dim)
    if gan.latent_distribution == "uniform":
        z = rng.uniform(-1, 1, shape)
    else:
        z = rng.standard_normal(shape)
        while truncation and (far := np.abs(z) > 2).any():
            z[far] = rng.standard_normal(far.sum())
    return np.float32(z * (truncation or 1.0))


def label_numbers(gan, labels: Sequence[Any]) -> np.ndarray:
    """Return class numbers int32 for class names or numbers.

    Raises: `GanzooError` for a name or number that the model has not.
    """
    return np.array([_number(gan, label) for label in labels], dtype="int32")


def _number(gan, label):
    if isinstance(label, str) and not label.lstrip("-").isdigit():
        names = [name.lower() for name in gan.class_names]
        if label.lower() not in names:
            raise unknown("label", label, gan.class_names)
        return names.index(label.lower())
    number = int(label)
    if number != float(label) or not 0 <= number < gan.num_classes:
        raise GanzooError(
            f"labels are numbers in 0..{gan.num_classes - 1} or names, received "
            f"{label!r}. Names: {', '.join(gan.class_names) or 'none'}."
        )
    return number


def resolve(gan, count: int | None, labels: Any) -> tuple[int, np.ndarray | None]:
    """Return the number of pictures and their class numbers, or None for any.

    Raises: `GanzooError` for a count or labels that the model cannot have.
    """
    if labels is None:
        return checked_count(16 if count is None else count), None
    if not gan.num_classes:
        raise GanzooError(
            f"{gan.name!r} was trained without labels, received labels={labels!r}. "
            'Leave them out, or load a conditional model such as "cgan".'
        )
    labels = [labels] if isinstance(labels, str) else list(np.atleast_1d(labels))
    numbers = label_numbers(gan, labels)
    if count is None:
        count = len(numbers)
    if len(numbers) not in (1, count) or not count:
        raise GanzooError(
            f"labels must be one for all or one a picture: {count} pictures, received "
            f"{len(numbers)} labels."
        )
    return checked_count(count), np.resize(numbers, count)


def checked_count(count) -> int:
    """Return the count as an int of at least 1, or raise `GanzooError`."""
    if isinstance(count, bool) or int(count) != count or count < 1:
        raise GanzooError(f"count must be an int of at least 1, received {count!r}.")
    return int(count)
