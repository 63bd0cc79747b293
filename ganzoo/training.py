"""train(recipe): from a recipe to a run folder, stopped and resumed at will."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from ganzoo import data, health, registry, sampling
from ganzoo.callbacks import Keeper, Pace, gentle_stop
from ganzoo.errors import GanzooError
from ganzoo.recipe import Recipe
from ganzoo.runs import Run

__all__ = ["build", "default_run", "load_data", "train"]


def train(
    recipe: Recipe | str | Path,
    run: str | Path | None = None,
    *,
    resume: bool = False,
    tensorboard: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = "auto",
) -> Any:
    """Train the recipe's model and return it.

    Args:
        recipe: a `Recipe`, or what `Recipe.of` takes.
        run: the run folder; `runs/<variant>.<dataset>` by default.
        resume: go on with the run in that folder, from its last checkpoint.
        tensorboard: write losses and grids for TensorBoard into `<run>/tensorboard`.
        callbacks: more of Keras's callbacks; each is given the `runs.Run` as its
            attribute `run`. An epoch is a tick: what lies between two sample grids.
        verbose: as in `fit`: "auto", 0, 1 (a bar) or 2 (a line a tick).

    A run that was killed and resumed ends with the same weights, to the bit, as one
    that was not (CPU; TensorFlow and JAX).

    Raises: `GanzooError` for data, recipes and folders that do not fit; for a loss that
    is no longer finite, after which the last good checkpoint stands.

    Example:
        >>> gan = ganzoo.train("dcgan.fashion_mnist", "runs/mine")
    """
    recipe = Recipe.of(recipe)
    keras.utils.set_random_seed(recipe.seed)
    gan, images = build(recipe)
    folder = Run(run or default_run(recipe), recipe, resume=resume)
    folder.begin(gan)
    total = max(1, round(1000 * recipe.kimg / images.batch_size))
    beside = _callbacks(folder, gan, images, total, tensorboard)
    for each in callbacks:
        each.run = folder
    beside.extend(callbacks)
    _play(gan, images, recipe, total, beside, verbose)
    folder.film()
    return gan


def default_run(recipe: Recipe) -> Path:
    """Return the run folder of a recipe that names none."""
    return Path("runs") / f"{recipe.variant}.{Path(recipe.dataset).name}"


def build(recipe: Recipe) -> tuple[Any, data.Images]:
    """Return the recipe's model, new, and its data in batches for whole steps."""
    source = load_data(recipe)
    arguments = {"image_shape": source.image_shape, "seed": recipe.seed}
    if registry.info(recipe.variant).conditional or recipe.model.get("conditioning"):
        if not source.num_classes:
            raise GanzooError(
                f"{recipe.variant!r} is to learn from labels, and {recipe.dataset!r} "
                "has none. Choose a dataset with labels, or a folder with one "
                "subfolder a class, or a model without labels such as 'dcgan'."
            )
        arguments["class_names"] = source.class_names
        arguments["num_classes"] = source.num_classes
    if "text-to-image" in registry.info(recipe.variant).tasks:
        arguments["captions"] = _shown(source, recipe.model.get("caption", "caption"))
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        gan = registry.create(recipe.variant, **(arguments | recipe.model))
    finally:
        keras.config.set_dtype_policy(policy)
    if gan.turns > 1:
        source = load_data(recipe, gan.turns)
    return gan, gan.furnish(source)


def _shown(source, name):
    """Texts of the data, from all over it, that the grids of the run show."""
    texts = source.texts.get(name, [])
    return texts[:: max(1, len(texts) // 64)][:64]


def load_data(recipe: Recipe, turns: int = 1) -> data.Images:
    """Return the recipe's data in batches of `turns` times its batch size."""
    return data.load(
        recipe.dataset,
        recipe.split,
        image_size=recipe.image_size,
        channels=recipe.channels,
        batch_size=turns * recipe.batch_size,
        seed=recipe.seed,
    )


def _callbacks(folder, gan, images, total, tensorboard):
    step = int(gan.step.value)
    real = sampling.to_uint8(images.batch_at(0)["image"])
    keeper = Keeper(folder, images.batch_size, step, total, health.diversity(real))
    callbacks = [Pace(images.batch_size, step), keeper]
    if tensorboard:
        from ganzoo.board import Board

        callbacks.append(Board(folder.folder, images.batch_size, step))
    return callbacks


def _play(gan, images, recipe, total, callbacks, verbose):
    """Fit in ticks, one a sample grid; a stop writes a checkpoint first."""
    tick = _tick(total, max(1, round(1000 * recipe.sample_kimg / images.batch_size)))
    keeper = next(each for each in callbacks if isinstance(each, Keeper))
    with gentle_stop(gan) as stop:
        for first, last, steps in _segments(int(gan.step.value), total, tick):
            # Each call has a stream of its own: Keras draws batches ahead, which would
            # be lost to the next call.
            gan.fit(
                _stream(images, int(gan.step.value)),
                initial_epoch=first,
                epochs=last,
                steps_per_epoch=steps,
                callbacks=callbacks,
                verbose=verbose,
                shuffle=False,
            )
            if gan.stop_training:  # by a signal, or by a callback
                break
    keeper.save()
    if stop.stopped:
        raise KeyboardInterrupt


def _stream(images, step):
    """Batches from that step on, as Keras takes them: (inputs,) without targets."""
    return ((batch,) for batch in images.stream(step))


def _tick(total, wanted):
    """Steps a tick, near to what is wanted, so that the last tick is no mere stub."""
    return -(-total // max(1, round(total / wanted)))


def _segments(step, total, tick):
    """(first tick, last tick, steps a tick) of each call of `fit` from `step` on.

    A run that was stopped within a tick goes on with the rest of it, and the last tick
    ends with the run, so up to three calls have ticks of different lengths.
    """
    while step < total:
        first = step // tick
        steps = min(tick - step % tick, total - step)
        whole = (total - step) // tick if steps == tick else 1
        yield first, first + whole, steps
        step += whole * steps
