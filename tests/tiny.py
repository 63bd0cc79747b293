"""Small models and small batches of every variant, for tests."""

import keras
import numpy as np

import ganzoo
from ganzoo import registry, sampling

SHAPE = (28, 28, 1)
CLASSES = 4
SIZE = 8  # images a turn
# Arguments that make a variant small, taken where a variant has them.
SMALL = {
    "channels": 8,
    "g_units": 32,
    "d_units": 16,
    "latent_dim": 16,
    "blocks": 1,
    "group_size": 8,
    "stable_kimg": 0.0,
    "fade_kimg": 0.0,
    "fusion_units": 8,
    "condition_dim": 8,
    "refiner_channels": 8,
    "sketch_kimg": 0.0,
}
TEXTS = ["red apple", "a bee", "black cat", "smiling dog"]


def create(name, image_shape=SHAPE, **kwargs):
    """A small new model, the same at each call."""
    keras.utils.set_random_seed(0)
    accepted = registry.accepted_arguments(registry.get_class(name))
    settings = {key: value for key, value in SMALL.items() if key in accepted}
    if "n_critic" not in kwargs and accepted["n_critic"].default > 1:
        settings["n_critic"] = 2  # each turn is traced: two show what five do
    if registry.info(name).conditional:
        settings["class_names"] = ["ant", "bee", "cat", "dog"]
    if "text-to-image" in registry.info(name).tasks:
        settings["captions"] = TEXTS
    return ganzoo.create(name, image_shape=image_shape, **(settings | kwargs))


def batch(gan, size=SIZE, seed=0):
    """A batch of noise for one step: `size` images a turn, labels, texts' vectors."""
    rng = np.random.default_rng(seed)
    count = size * gan.turns
    images = rng.uniform(-1, 1, (count, *gan.image_shape)).astype("float32")
    made = {"image": images, "label": np.arange(count, dtype="int32") % CLASSES}
    if gan.told_text:
        sentence = rng.standard_normal((count, gan.text.dims)).astype("float32")
        made["sentence"] = sentence
    return made


def fit(gan, steps=1, size=SIZE, seed=0):
    """Train on `steps` batches of noise; return the last logs."""
    batches = ((batch(gan, size, seed + i),) for i in range(steps))
    done = gan.fit(
        batches, steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False
    ).history
    return {key: values[-1] for key, values in done.items()}


def values(variables):
    """Copies of variables' values."""
    return [np.array(keras.ops.convert_to_numpy(each)) for each in variables]


def state(gan):
    """The whole state of a model: weights, seeds, optimisers."""
    return values(gan.variables) + values(gan.optimizer.variables)


def same(left, right):
    """Whether two lists of arrays are equal to the bit."""
    return len(left) == len(right) and all(map(np.array_equal, left, right))


def same_run(left, right):
    """Whether two states are of one run: to the bit, but on torch to its rounding."""
    if keras.backend.backend() != "torch":
        return same(left, right)
    return len(left) == len(right) and all(
        np.allclose(a, b, rtol=1e-3, atol=1e-4)
        for a, b in zip(left, right, strict=True)
    )


def raw(gan, seed, label=0):
    """The averaged generator's pictures of a seed, before rounding."""
    latents = sampling.draw_latents(gan, 4, np.random.default_rng(seed))
    inputs = {"latents": latents, "label": np.full(4, label, "int32")}
    if gan.told_text:
        inputs["sentence"] = gan.read([TEXTS[label]] * 4)
    wanted = {key: inputs[key] for key in gan.generator_ema.input}
    return sampling.run(gan.generator_ema, wanted)
