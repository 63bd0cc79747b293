"""evaluate(model, data): its scores, as rows with all that they depend on."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo import data, hub, registry
from ganzoo.caption_scores import caption_scores, texts_of
from ganzoo.errors import GanzooError
from ganzoo.metrics import (
    cas,
    memorisation,
    networks,
    references,
    samples,
    table,
    told,
)
from ganzoo.pictures import save_grid
from ganzoo.recipe import Recipe
from ganzoo.scores import Score, Scores, score

__all__ = ["Score", "Scores", "draw_neighbours", "evaluate", "open_model"]


def evaluate(
    model: Any,
    dataset: Any = None,
    metrics: Sequence[str] = table.DEFAULT,
    *,
    split: str = "train",
    network: str | None = None,
    count: int = 10_000,
    seeds: Sequence[int] = (0, 1, 2),
) -> Scores:
    """Return the scores of a model's pictures against real ones.

    Args:
        model: a GAN, what `ganzoo.load` takes, uint8 pictures (n, h, w, c), or what
            `ganzoo.data.load` returns: the floor, real pictures against real ones.
        dataset: what `ganzoo.data.load` takes, or an .npz file that
            `Reference.write` wrote; that of the model's recipe by default.
        metrics: out of fd, fd_infinity, kd, is, precision, recall, density, coverage,
            authenticity, intra_fd, cas; "prdc" for four of them; fid, fid_infinity,
            kid for the published ones in Inception's space; of text-to-image models
            r_precision and caption_diversity, of the test split's captions.
        split: real pictures to compare with.
        network: the feature network; that of the data set by default.
        count: pictures drawn for each seed.
        seeds: sampler seeds: the scores are their means.

    Raises: `GanzooError` for unknown names, pictures that the network cannot take,
    features that are not finite, statistics of another network or data set.

    Example:
        >>> print(ganzoo.evaluate("dcgan", "fashion_mnist", ["fd", "prdc"]))
    """
    model, dataset = open_model(model, dataset)
    wanted = list(metrics)
    apart = ("cas", *told.METRICS)
    chosen, published = table.selected([name for name in wanted if name not in apart])
    judge = networks.get(_network_name(network, published, dataset))
    if "is" in wanted and judge.name != networks.INCEPTION and not judge.class_names:
        raise GanzooError(
            f"{judge.name} tells several labels at once, so it has no Inception score: "
            "leave out 'is'."
        )
    scores = Scores()
    if chosen:
        real = _reference(model, dataset, split, judge)
        texts = texts_of(model, dataset, split)
        seeds_ = _checked_seeds(seeds)
        scores += _measured(model, real, judge, chosen, count, seeds_, texts)
    if "cas" in wanted:
        scores += _cas(model, dataset, split, _checked_seeds(seeds))
    if by_text := [name for name in told.METRICS if name in wanted]:
        told_ = (model, dataset, by_text, judge, _checked_seeds(seeds))
        scores += caption_scores(*told_)
    return scores


def open_model(model: Any, dataset: Any = None) -> tuple[Any, Any]:
    """Return the GAN or pictures meant, and the data set: its recipe's by default.

    Raises: `GanzooError` where there is no such model, or no data set is known.
    """
    if isinstance(model, (str, Path)):
        if dataset is None:
            dataset = _recipe_of(model).dataset
        model = hub.load(model)
    if dataset is None:
        raise GanzooError(
            "which pictures is the model to be held against? Name a data set, such as "
            '"fashion_mnist".'
        )
    return model, dataset


def _recipe_of(name):
    folder = Path(name).expanduser()
    if not (folder / "recipe.toml").exists():
        folder = registry.tag_folder(str(name))
    return Recipe.read(folder)


def _network_name(network, published, dataset):
    if network is None:
        known = isinstance(dataset, str) and not dataset.endswith(".npz")
        found = networks.for_dataset(dataset) if known else networks.INCEPTION
        if isinstance(dataset, (str, Path)) and str(dataset).endswith(".npz"):
            found = references.Reference.read(dataset).network
        return networks.INCEPTION if published else found
    if published and network != networks.INCEPTION:
        raise GanzooError(
            f"fid and kid are scores in {networks.INCEPTION}; in {network!r} they are "
            "called fd and kd."
        )
    return network


def _reference(model, dataset, split, judge):
    """The real features, of pictures in the shape of the model's."""
    shape = _shape_of(model)
    rule = judge.resize_rule(shape)
    if isinstance(dataset, (str, Path)) and str(dataset).endswith(".npz"):
        real = references.Reference.read(dataset)
    else:
        real = references.cached(judge, _images(dataset, split, shape))
    real.require(judge, rule)
    return real


def _images(dataset, split, shape):
    """The data set in the model's size and channels."""
    images = data.load(dataset, split, batch_size=1)
    if tuple(images.image_shape) == tuple(shape):
        return images
    if shape[0] != shape[1]:
        raise GanzooError(
            f"the model draws {shape[0]}x{shape[1]} pictures, {images.name!r} has "
            f"{images.image_shape[0]}x{images.image_shape[1]}: give pictures of the "
            "model's shape."
        )
    size = {"image_size": shape[0], "channels": shape[2]}
    return data.load(dataset, split, batch_size=1, **size)


def _shape_of(model):
    return model.shape[1:] if isinstance(model, np.ndarray) else model.image_shape


def _checked_seeds(seeds):
    seeds = [int(seed) for seed in seeds]
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise GanzooError(
            "seeds are one or more different whole numbers from 0, received "
            f"{list(seeds)}."
        )
    return seeds


def _measured(model, real, judge, chosen, count, seeds, texts=()):
    """A score a metric, over the seeds; given pictures are scored once."""
    labels = real.labels
    if isinstance(model, data.Images):
        model, labels = model.fields["image"], model.fields.get("label")
    elif isinstance(model, np.ndarray):
        labels = None
    if isinstance(model, np.ndarray):
        count, seeds = min(count, len(model)), seeds[:1]
    keep = count if any(each.all_features for each in chosen) else table.NEIGHBOURS
    values: dict[str, list[float]] = {each.name: [] for each in chosen}
    for seed in seeds:
        told_ = {"labels": labels, "texts": texts}
        fake = samples.draw(model, judge, count, seed=seed, keep=keep, **told_)
        for measure in dict.fromkeys(each.measure for each in chosen):
            for name, value in measure(fake, real, seed).items():
                values.get(name, []).append(float(value))
    facts = {
        "dataset": real.dataset,
        "split": real.split,
        "n_real": len(real.features),
        "n_fake": count,
        "network": judge.name,
        "network_sha256": judge.sha256,
        "resize": real.resize,
    }
    for each in chosen:
        name = table.full_name(each.name, judge.name)
        yield score(name, values[each.name], seeds, each.lower, facts)


def _cas(model, dataset, split, seeds) -> Iterator[Score]:
    """The accuracy from generated pictures, and that from the real ones."""
    if isinstance(model, np.ndarray):
        raise GanzooError("cas trains on pictures of a model: give the model itself.")
    train, test = (
        _images(dataset, part, model.image_shape) for part in (split, "test")
    )
    both = [cas.classification_accuracy(model, train, test, seed=s) for s in seeds]
    facts = {
        "dataset": train.name,
        "split": "test",
        "n_real": test.num_examples,
        "n_fake": train.num_examples,
        "network": "cas",
        "network_sha256": "",
        "resize": "none",
    }
    yield score("cas", [each.generated for each in both], seeds, False, facts)
    yield score("cas_real", [each.real for each in both], seeds, False, facts)


def draw_neighbours(
    model: Any, path: str | Path, dataset: Any = None, *, count: int = 12, seed: int = 0
) -> np.ndarray:
    """Draw pictures, each beside its three nearest training pictures; as a grid.

    Nearest in the features of the data set's network. A copy of a training picture
    would stand beside its original: look.

    Returns: the distances (count, 3) in the features.

    Example:
        >>> draw_neighbours("dcgan", "neighbours.png")
    """
    model, dataset = open_model(model, dataset)
    judge = networks.get(_network_name(None, False, dataset))
    images = _images(dataset, "train", _shape_of(model))
    real = references.cached(judge, images)
    texts = texts_of(model, dataset, "train")
    drawn = next(samples.pictures(model, count, seed, real.labels, texts))[0]
    far, rows = memorisation.nearest(judge.features(drawn), real.features, count=3)
    found = np.asarray(images.fields["image"])[rows]
    shown = np.concatenate([drawn[:, None], found], axis=1)
    save_grid(path, shown.reshape(-1, *drawn.shape[1:]), columns=12, scale=2)
    return far
