"""CAS: how good is a classifier that has only ever seen generated pictures?"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ganzoo import files, paths
from ganzoo.errors import GanzooError
from ganzoo.metrics import classifier, references, samples

__all__ = ["Accuracies", "classification_accuracy"]

# Small and short; the same for real and generated pictures, so that the gap is read.
SETTINGS = classifier.Settings(
    dataset="", widths=(8, 16, 32), epochs=4, rate=0.1, mirror=False
)


@dataclass(frozen=True)
class Accuracies:
    """Shares of real test pictures named rightly, in [0, 1].

    Args:
        generated: by the classifier that learned from generated pictures.
        real: by the same one, trained on the real training pictures.
    """

    generated: float
    real: float


def classification_accuracy(
    gan: Any, train: Any, test: Any, *, seed: int = 0, count: int | None = None
) -> Accuracies:
    """Return the classification accuracy score, beside that of real pictures.

    Train a classifier on pictures of the model alone, as many as the training set has
    and with its labels; test it on real pictures that neither has seen. Nothing is
    selected on the test set.

    Args:
        gan: a conditional GAN.
        train, test: the real splits, from `ganzoo.data.load`.
        seed: of the latents and of the classifier.
        count: pictures to train on, of either kind; all of the training set's number
            by default.

    Raises: `GanzooError` for a model without labels, or data without.

    Source: Ravuri & Vinyals 2019, arXiv:1905.10887. Differs: a small network of four
    epochs instead of a ResNet-50, so values compare only with each other.

    Example:
        >>> classification_accuracy(gan, data.load("mnist"), data.load("mnist", "test"))
    """
    if not getattr(gan, "num_classes", 0) or not train.num_classes:
        raise GanzooError(
            "cas needs a model that draws what it is told, and a data set with labels; "
            f"received {getattr(gan, 'name', 'pictures')!r} on {train.name!r}. Score a "
            "conditional model such as 'cgan'."
        )
    labels = np.asarray(train.fields["label"])[:count]
    drawn = list(samples.pictures(gan, len(labels), seed, labels))
    fakes, wanted = (np.concatenate(part) for part in zip(*drawn, strict=True))
    return Accuracies(
        _accuracy(fakes, wanted, test, seed), _real_accuracy(train, test, seed, count)
    )


def _real_accuracy(train, test, seed, count):
    """That of the real pictures, which is the same for all models: it is kept."""
    known = (SETTINGS, references.digest(train), references.digest(test), seed, count)
    key = hashlib.sha256(repr(known).encode()).hexdigest()[:16]
    path = paths.home() / "features" / f"cas-{key}.json"
    if path.exists():
        return float(json.loads(path.read_text())["accuracy"])
    fields = (train.fields[name] for name in ("image", "label"))
    images, labels = (np.asarray(values)[:count] for values in fields)
    value = _accuracy(images, labels, test, seed)
    with files.replacing(path) as temporary:
        temporary.write_text(json.dumps({"accuracy": value}) + "\n")
    return value


def _accuracy(images, labels, test, seed):
    model = classifier.train(
        replace(SETTINGS, seed=seed), images, labels, test.num_classes
    )
    return classifier.accuracy(
        model, np.asarray(test.fields["image"]), np.asarray(test.fields["label"])
    )
