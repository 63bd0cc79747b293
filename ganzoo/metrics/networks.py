"""Feature networks: what turns pictures into the vectors that scores compare.

The zoo's own lie in `zoo/feature_networks/<name>`: recipe, weights, accuracy, card. A
score carries its network's name, since scores of two networks cannot be compared.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganzoo import published
from ganzoo.errors import GanzooError, unknown
from ganzoo.hub import configs
from ganzoo.metrics import classifier

__all__ = ["INCEPTION", "FeatureNetwork", "for_dataset", "get", "names", "publish"]

INCEPTION = "inception-2015"
FOLDER = "feature_networks"
WEIGHTS = "network.weights.h5"


@dataclass(frozen=True)
class FeatureNetwork:
    """A frozen network with the rule by which pictures are made to fit it.

    Args:
        name: such as "fashion_mnist-cnn".
        sha256: of its weight file.
        dims: length of a feature vector.
        image_shape: (h, w, c) that it takes, height and width None for any.
        class_names: of its logits; none where these are of several labels.
        model: uint8 (n, h, w, c) -> {"features": (n, d), "logits": (n, classes)}.

    Example:
        >>> get("mnist-cnn").features(images).shape
        (16, 64)
    """

    name: str
    sha256: str
    dims: int
    image_shape: Sequence[int | None]
    model: Any = field(repr=False, compare=False)
    class_names: Sequence[str] = ()

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Return features and logits, float32, of uint8 images (n, h, w, c).

        Raises: `GanzooError` for pictures that it cannot take.
        """
        # Inception's maps at 299x299 take some 15 MB a picture.
        chunk = 32 if self.name == INCEPTION else 250
        return classifier.predict(self.model, self.fitted(images), chunk)

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the features (n, d) of uint8 images (n, h, w, c)."""
        return self(images)["features"]

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Return the logits (n, classes) of uint8 images (n, h, w, c)."""
        return self(images)["logits"]

    def resize_rule(self, image_shape: Sequence[int]) -> str:
        """Return how pictures of that shape are resized: a row of results names it.

        Example:
            >>> get("mnist-cnn").resize_rule((28, 28, 1))
            'none'
        """
        if self.name == INCEPTION:
            return "tf1-bilinear-299"
        fits = tuple(image_shape[:2]) == tuple(self.image_shape[:2])
        return "none" if fits else f"pil-bicubic-{self.image_shape[0]}"

    def fitted(self, images: np.ndarray) -> np.ndarray:
        """Return the images in the network's size and channels.

        Another size is resized by Pillow's bicubic filter, each channel in float and
        rounded once (clean-fid's rule, arXiv:2104.11222, but for the rounding). Grey
        pictures become RGB by repetition; colour is never thrown away.

        Raises: `GanzooError` for other types, and colour where grey is taken.
        """
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 4:
            raise GanzooError(
                f"{self.name} takes uint8 pictures (n, height, width, channels) in "
                f"0..255, received {images.dtype} {images.shape}."
            )
        channels = self.image_shape[-1]
        if images.shape[-1] == 1 and channels == 3:
            images = np.repeat(images, 3, axis=-1)
        if images.shape[-1] != channels:
            raise GanzooError(
                f"{self.name} takes pictures of {channels} channel(s), received "
                f"{images.shape[-1]}. Use another network: {', '.join(names())}."
            )
        if self.resize_rule(images.shape[1:]).startswith("pil"):
            images = np.stack([_resized(each, self.image_shape) for each in images])
        return images


def names() -> list[str]:
    """Return the names of the feature networks.

    Example:
        >>> names()
        ['cifar10-cnn', 'fashion_mnist-cnn', 'inception-2015', 'mnist-cnn']
    """
    return sorted([*_configs(), INCEPTION])


def get(name: str) -> FeatureNetwork:
    """Return the feature network of that name, its weights loaded.

    Raises: `GanzooError` for unknown names and weights that are not as published.

    Example:
        >>> get("mnist-cnn").dims
        64
    """
    if name not in names():
        raise unknown("feature network", name, names())
    return _load(name)


def for_dataset(dataset: str) -> str:
    """Return the network that a data set is scored in by default.

    The zoo's own where one was trained on these pictures, else Inception.

    Example:
        >>> for_dataset("fashion_mini")
        'fashion_mnist-cnn'
    """
    plain = str(dataset).partition(":")[0].partition("/")[0]
    for name, config in _configs().items():
        if plain in config["datasets"]:
            return name
    return INCEPTION


def publish(
    model: Any, folder: Path, facts: Mapping[str, Any], *, weights: Path | None = None
) -> Path:
    """Write a network's folder: `config.json` with these facts, and its weights.

    `weights` is a file to take instead of the model's own at full precision.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / WEIGHTS
    if weights is None:
        model.save_weights(target)
    else:
        target.write_bytes(weights.read_bytes())
    stored = configs.record_of(target)
    config = {"format": configs.FORMAT, **facts, "weights": stored}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    return folder


def _configs() -> dict[str, dict]:
    """The published networks' configs by name."""
    return published.configs(FOLDER)


@functools.lru_cache(maxsize=4)
def _load(name):
    if name == INCEPTION:
        from ganzoo.metrics import inception

        model = inception.load()
        return FeatureNetwork(name, inception.SHA256, 2048, (None, None, 3), model)
    config = _configs()[name]
    settings = classifier.Settings.read(config["folder"] / "recipe.toml")
    shape = tuple(config["image_shape"])
    model = classifier.build(settings, shape, config["classes"])
    digest = config["weights"]["sha256"]
    model.load_weights(published.verified(config["folder"] / WEIGHTS, digest))
    model.trainable = False
    return FeatureNetwork(
        name, digest, settings.widths[-1], shape, model, tuple(config["class_names"])
    )


def _resized(image, shape):
    """One uint8 image (h, w, c) by Pillow's bicubic filter, in float, rounded once."""
    size = (shape[1], shape[0])
    planes = [
        Image.fromarray(np.float32(image[..., channel])).resize(size, Image.BICUBIC)
        for channel in range(image.shape[-1])
    ]
    return np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype("uint8")
