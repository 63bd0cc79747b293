"""Pairs: a text tower and a picture tower that learn which caption is whose.

Both give vectors of length 1; pictures and captions that belong together are drawn to
each other, all others of a batch apart:

    loss = 1/2 (CE(rows of S) + CE(columns of S)),   S = exp(t) <picture_i, caption_j>

Source: Radford et al. 2021, arXiv:2103.00020, section 2.3 (the loss of CLIP), on small
towers of our own: `ganzoo.text.tower`, and the classifier of our feature networks.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from ganzoo import published
from ganzoo.errors import GanzooError
from ganzoo.metrics import classifier
from ganzoo.text import encoders, tokens, tower
from ganzoo.text.keywords import parted

__all__ = [
    "Pair",
    "Settings",
    "captions_of",
    "for_dataset",
    "get",
    "ranks",
    "retrieval",
    "train",
]

PICTURE_WEIGHTS = "picture.weights.h5"


@dataclass(frozen=True)
class Settings:
    """How a pair is built and trained: a text encoder's `recipe.toml`.

    Args:
        dataset: pictures with texts.
        caption, keywords: names of the texts; keywords are parted by "|", "" for none.
        vocabulary: word pieces that the tokenizer learns.
        length: tokens of a text.
        dims: of the vectors.
        width, kernel, dropout: of the text tower.
        widths, bottleneck, shift: of the picture tower.
        epochs, batch_size, rate, weight_decay: of AdamW, whose rate falls as a cosine.
        plain: share of the captions that are shown without keywords.
        seed: of weights, order, shifts and keywords.

    Example:
        >>> Settings("emoji_captions").dims
        128
    """

    dataset: str
    caption: str = "caption"
    keywords: str = "keywords"
    vocabulary: int = 1500
    length: int = 24
    dims: int = 128
    width: int = 128
    kernel: int = 3
    dropout: float = 0.2
    widths: Sequence[int] = (16, 32, 64, 128)
    bottleneck: int = 256
    shift: int = 3
    epochs: int = 40
    batch_size: int = 128
    rate: float = 1e-3
    weight_decay: float = 0.05
    plain: float = 0.5
    seed: int = 0

    @classmethod
    def read(cls, path: Path) -> "Settings":
        """Return the settings in a TOML file.

        Raises: `GanzooError` for unknown keys.
        """
        return classifier.read_settings(cls, path, "setting of a text encoder")

    @property
    def text(self) -> dict[str, Any]:
        """The text tower's sizes, but for the vocabulary that was learnt."""
        keys = ("length", "dims", "width", "kernel", "dropout")
        return {key: getattr(self, key) for key in keys}


@dataclass(frozen=True)
class Pair:
    """A text encoder with the picture tower that it learnt with: a judge of captions.

    Example:
        >>> pair = get("emoji_captions-judge")
        >>> cosines = pair.pictures(images) @ pair.texts(captions).T
    """

    encoder: encoders.TextEncoder
    picture_sha256: str
    image_shape: Sequence[int]
    model: Any = dataclasses.field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name of its text encoder."""
        return self.encoder.name

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors (n, dims) of texts."""
        return self.encoder(texts)["sentence"]

    def pictures(self, images: np.ndarray) -> np.ndarray:
        """Return the vectors (n, dims), of length 1, of uint8 images (n, h, w, c).

        Raises: `GanzooError` for pictures of another shape.
        """
        if tuple(images.shape[1:]) != tuple(self.image_shape):
            raise GanzooError(
                f"{self.name} judges pictures (n, "
                f"{', '.join(map(str, self.image_shape))}), received {images.shape}."
            )
        return picture_vectors(self.model, images)


def picture_vectors(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return what a picture tower makes of uint8 images: (n, dims), of length 1."""
    found = classifier.predict(model, np.asarray(images))["logits"]
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-8)


@functools.lru_cache(maxsize=2)
def get(name: str) -> Pair:
    """Return the pair of that name, its weights loaded.

    Raises: `GanzooError` for unknown names and weights that are not as published.
    """
    encoder = encoders.get(name)
    config = encoders.configs().get(name, {})
    if PICTURE_WEIGHTS not in config.get("files", {}):
        raise GanzooError(f"{name!r} reads texts alone: it cannot judge pictures.")
    settings = Settings.read(config["folder"] / "recipe.toml")
    shape = tuple(config["image_shape"])
    digest = config["files"][PICTURE_WEIGHTS]["sha256"]
    path = published.verified(config["folder"] / PICTURE_WEIGHTS, digest)
    model = picture_tower(settings, shape)
    model.load_weights(path)
    model.trainable = False
    return Pair(encoder, digest, shape, model)


def for_dataset(dataset: str) -> Pair:
    """Return the judge of a data set's captions: the pair "<dataset>-judge".

    Raises: `GanzooError` where there is none.
    """
    plain = str(dataset).partition(":")[0].partition("/")[0]
    name = f"{plain}-judge"
    if name not in encoders.configs():
        raise GanzooError(
            f"R-precision needs a judge of captions, and {plain!r} has none: train one "
            f"by tools/text-encoder {name}."
        )
    return get(name)


def picture_tower(settings: Settings, image_shape: Sequence[int]) -> keras.Model:
    """Return the network: uint8 (n, h, w, c) -> "logits" (n, dims)."""
    sizes = classifier.Settings(
        settings.dataset, widths=settings.widths, bottleneck=settings.bottleneck
    )
    return classifier.build(sizes, image_shape, settings.dims)


# -------------------------------------------------------------------------- training


@keras.saving.register_keras_serializable("ganzoo")
class Similarity(layers.Layer):
    """exp(t) times the cosines of two sets of vectors: (n, d), (n, d) -> (n, n)."""

    def build(self, left_shape, right_shape):
        start = keras.initializers.Constant(math.log(10.0))
        self.t = self.add_weight(shape=(), initializer=start, name="temperature")

    def call(self, left, right):
        cosines = ops.matmul(left, ops.transpose(right))
        return ops.exp(ops.minimum(self.t, math.log(100.0))) * cosines

    def compute_output_shape(self, left_shape, right_shape):
        return (left_shape[0], right_shape[0])


def train(
    settings: Settings, images: np.ndarray, texts: dict, *, verbose: int = 0
) -> tuple[Any, keras.Model, keras.Model]:
    """Return a tokenizer, a text tower and a picture tower, trained on pairs.

    `images` are uint8 (n, h, w, c), `texts` lists of n: captions and keywords.
    """
    keras.utils.set_random_seed(settings.seed)
    captions = texts[settings.caption]
    words = [parted(each) for each in texts.get(settings.keywords, [""] * len(images))]
    corpus = [*captions, *(word for each in words for word in each)]
    tokenizer = tokens.learn(corpus, settings.vocabulary)
    reader = tower.build(tokenizer.get_vocab_size(), **settings.text)
    viewer = picture_tower(settings, images.shape[1:])
    learner = _learner(reader, viewer)
    steps = len(images) // settings.batch_size
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        settings.epochs * steps,
        warmup_target=settings.rate,
        warmup_steps=2 * steps,
    )
    adam = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    learner.compile(adam, _matched)
    learner.fit(
        _batches(settings, images, captions, words, tokenizer),
        steps_per_epoch=steps,
        epochs=settings.epochs,
        shuffle=False,
        verbose=verbose,
    )
    return tokenizer, reader, viewer


def _learner(reader, viewer):
    picture = tower.UnitLength()(viewer.output["logits"])
    scores = Similarity()(picture, reader.output["sentence"])
    return keras.Model({"image": viewer.input, "tokens": reader.input}, scores)


def _matched(truth, scores):
    """Cross-entropy of the diagonal, over rows and over columns."""
    both = (scores, ops.transpose(scores))
    losses = [-ops.mean(ops.diagonal(ops.log_softmax(each))) for each in both]
    return 0.5 * (losses[0] + losses[1])


def _batches(settings, images, captions, words, tokenizer) -> Iterator[tuple]:
    """Endless batches; each pass has an order, shifts and keywords of its own."""
    moving = classifier.Settings(
        settings.dataset, shift=settings.shift, mirror=False, seed=settings.seed
    )
    size, epoch = settings.batch_size, 0
    while True:
        rng = np.random.default_rng([settings.seed, epoch])
        order = rng.permutation(len(images))
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            texts = [
                captions_of(captions[i], words[i], rng, settings.plain) for i in rows
            ]
            batch = {
                "image": classifier.moved(images[rows], moving, rng),
                "tokens": tokens.encode(tokenizer, texts, settings.length),
            }
            yield batch, np.zeros((size, size), "float32")
        epoch += 1


def captions_of(
    caption: str, words: Sequence[str], rng: np.random.Generator, plain: float
) -> str:
    """Return the caption, as it is or with one of its keywords behind it.

    Example:
        >>> captions_of("red apple", ["fruit"], np.random.default_rng(0), plain=0.0)
        'red apple, fruit'
    """
    if not words or rng.random() < plain:
        return caption
    return f"{caption}, {words[rng.integers(len(words))]}"


# ------------------------------------------------------------------------- retrieval


def ranks(cosines: np.ndarray) -> np.ndarray:
    """Return how many of the columns beat the diagonal's in each row: int (n,).

    Ties count as half beaten: a judge that says the same of all is no better than
    chance.
    """
    own = np.diagonal(cosines)[:, None]
    above, equal = (cosines > own).sum(1), (cosines == own).sum(1) - 1
    return above + (equal + 1) // 2


def retrieval(pictures: np.ndarray, texts: np.ndarray) -> dict[str, float]:
    """Return how often the true one is first, or in the first 5, each way.

    `pictures` and `texts` are vectors (n, dims), row by row of the same pairs.

    Example:
        >>> retrieval(np.eye(4), np.eye(4))["text_at_1"]
        1.0
    """
    found = {}
    for name, cosines in (
        ("text", pictures @ texts.T),
        ("picture", texts @ pictures.T),
    ):
        place = ranks(cosines)
        found |= {f"{name}_at_{k}": float(np.mean(place < k)) for k in (1, 5)}
    return found
