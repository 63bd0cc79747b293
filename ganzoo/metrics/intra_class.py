"""The intra-class distance: does each class of a conditional model look its own?"""

from collections.abc import Mapping

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.metrics import checks, frechet
from ganzoo.metrics.moments import Moments

__all__ = ["frechet_per_class"]


def frechet_per_class(
    fake: np.ndarray, fake_labels: np.ndarray, references: Mapping[int, Moments]
) -> dict[int, float]:
    """Return the Fréchet distance within each class; their mean is the score.

    Labels are what the pictures were drawn as, so a model that answers "3" with fives
    has a large distance there. A class without fakes has no distance: it is refused, as
    a mean over the others would hide it.

    Args:
        fake: features (n, d).
        fake_labels: class numbers (n,), at least 2 of each class.
        references: moments of the real features, by class.

    Warns: `FewSamples` if any class has few fakes or reals for the width; once.

    Raises: `GanzooError` for a class with fewer than 2 fakes, a label without a
    reference, different widths, NaN or infinity.

    Source: Miyato & Koyama 2018, arXiv:1802.05637, section 4.

    Example:
        >>> distances = frechet_per_class(fake, labels, reference.per_class)
        >>> sum(distances.values()) / len(distances)
    """
    fake = checks.finite(fake, "fake")
    labels = np.asarray(fake_labels)
    counts = {label: int((labels == label).sum()) for label in sorted(references)}
    _check(fake, labels, counts)
    distances = {}
    for label in counts:
        own = Moments(fake.shape[1]).update(fake[labels == label])
        checks.same_width(own.dims, references[label].dims)
        distances[label] = frechet.distance(own, references[label])
    reals = min(real.count for real in references.values())
    checks.enough(fake.shape[1], min(counts.values()), reals)
    return distances


def _check(fake, labels, counts):
    if labels.shape != (len(fake),):
        raise GanzooError(
            f"fake_labels must hold one class number a sample: {len(fake)} samples, "
            f"received labels of shape {labels.shape}."
        )
    strange = sorted(set(labels.tolist()) - set(counts))
    if strange or not counts:
        raise GanzooError(
            f"no real features of classes {strange}; there are some of {list(counts)}. "
            "Take the references from the data set that the labels belong to."
        )
    few = [label for label, count in counts.items() if count < 2]
    if few:
        raise GanzooError(
            f"fewer than 2 fakes of classes {few}: the distance within a class needs "
            "fakes of every class. Draw more, or draw them with these labels."
        )
