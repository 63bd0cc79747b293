"""Scores of what a model draws of held-out captions, as rows."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ganzoo import data
from ganzoo.errors import GanzooError
from ganzoo.metrics import networks, pairs, table, told
from ganzoo.scores import Score, score

__all__ = ["caption_scores", "texts_of"]


def texts_of(model: Any, dataset: Any, split: str) -> Sequence[str]:
    """Return the captions of real pictures, () for a model that is told none.

    Raises: `GanzooError` for data without such texts.
    """
    if not getattr(model, "told_text", False):
        return ()
    return _captions(data.load(dataset, split, batch_size=1), model.caption)


def _captions(images, name):
    if name not in images.texts:
        raise GanzooError(
            f"{images.name!r} has no texts named {name!r}, which a model that is told "
            f"texts is scored by; its texts: {', '.join(images.texts) or 'none'}."
        )
    return images.texts[name]


def caption_scores(
    model: Any,
    dataset: Any,
    wanted: Sequence[str],
    network: networks.FeatureNetwork,
    seeds: Sequence[int],
) -> Iterator[Score]:
    """Give R-precision and caption diversity, of the test split's captions.

    Of real pictures, as `ganzoo.data.load` returns them, there is R-precision alone:
    each caption has one picture.

    Raises: `GanzooError` for models that are told no texts, and data without a judge.
    """
    test = data.load(dataset, "test", batch_size=1)
    real = isinstance(model, data.Images)
    if not real and not getattr(model, "told_text", False):
        raise GanzooError(
            f"{', '.join(wanted)}: for models that are told texts, such as 'dfgan'."
        )
    captions = _captions(test, "caption" if real else model.caption)
    if "r_precision" in wanted:
        yield _r_precision(model, test, captions, seeds)
    if "caption_diversity" in wanted and not real:
        yield _diversity(model, test, captions, network, seeds)


def _r_precision(model, test, captions, seeds):
    judge = pairs.for_dataset(test.name)
    vectors = judge.texts(captions)

    def value(seed):
        real = isinstance(model, data.Images)
        drawn = (
            model.fields["image"] if real else model.generate(text=captions, seed=seed)
        )
        return told.r_precision(judge.pictures(np.asarray(drawn)), vectors, seed=seed)

    values = [value(seed) for seed in seeds]
    facts = _facts(test, len(captions), judge.name, judge.picture_sha256, "none")
    name = table.full_name("r_precision", judge.name)
    return score(name, values, seeds, False, facts)


def _diversity(model, test, captions, network, seeds):
    real = network.features(np.asarray(test.fields["image"]))

    def value(seed):
        drawn = (model, captions, network.features, told.COPIES, seed)
        return told.caption_diversity(told.draw_copies(*drawn), real, seed=seed)

    values = [value(seed) for seed in seeds]
    rule = network.resize_rule(model.image_shape)
    count = told.COPIES * len(captions)
    facts = _facts(test, count, network.name, network.sha256, rule)
    name = table.full_name("caption_diversity", network.name)
    return score(name, values, seeds, False, facts)


def _facts(test, count, network, sha256, resize):
    return {
        "dataset": test.name,
        "split": test.split,
        "n_real": test.num_examples,
        "n_fake": count,
        "network": network,
        "network_sha256": sha256,
        "resize": resize,
    }
