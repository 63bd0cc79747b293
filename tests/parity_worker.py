"""One step of every variant on one backend, from given weights; run by test_parity.

python parity_worker.py IN.npz OUT.npz, under KERAS_BACKEND. What is random is replaced
by numbers that depend only on the order of the draws, and dropout is switched off.
"""

import sys

import keras
import numpy as np
import tiny


def tame(gan):
    """Replace the noise of a model by the same numbers on every backend."""
    for network in (gan.generator, gan.discriminator):
        for layer in network.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
    for player in gan.players:
        # Adam's first step is lr * g / (|g| + epsilon): with 1e-7 the rounding of a
        # gradient that is 0 in truth (a bias before a normalisation) moves a weight.
        if hasattr(player.optimizer, "epsilon"):
            player.optimizer.epsilon = 1e-4
    rng = np.random.default_rng(0)
    normals = [rng.standard_normal((64, gan.latent_dim)) for _ in range(32)]
    uniforms = rng.uniform(0, 1, (32, 65536))
    draws = iter(range(32))

    def latents(count):
        return keras.ops.convert_to_tensor(np.float32(normals[next(draws)])[:count])

    def uniform(shape):
        # Shapes are whole here: the batch is given as one array of a fixed size.
        size = int(np.prod([int(side) for side in shape]))
        row = np.float32(uniforms[next(draws)])[:size]
        return keras.ops.convert_to_tensor(row.reshape([int(s) for s in shape]))

    gan.draw_latents, gan.draw_uniform = latents, uniform


def one_step(gan):
    """One step as `fit` takes it, compiled where the backend compiles."""
    data = {key: value for key, value in tiny.batch(gan).items()}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        data = {key: tf.constant(value) for key, value in data.items()}
        tf.function(gan.play)(data)
        return
    if keras.backend.backend() == "torch":
        gan.play({key: keras.ops.convert_to_tensor(v) for key, v in data.items()})
        return
    import jax

    groups = (
        gan.trainable_variables,
        gan.non_trainable_variables,
        gan.optimizer.variables,
        gan.metrics_variables,
    )
    state = [[variable.value for variable in group] for group in groups]
    _, state = jax.jit(gan.train_step)(state, data)
    for group, new in zip(groups, state, strict=True):
        for variable, value in zip(group, new, strict=True):
            variable.assign(value)


def main(source, target):
    given, found = np.load(source), {}
    for name in str(given["variants"]).split():
        gan = tiny.create(name)
        weights = [given[f"{name}/{i}"] for i in range(len(gan.weights))]
        gan.set_weights(weights)
        tame(gan)
        one_step(gan)
        for i, value in enumerate(tiny.values(gan.weights)):
            found[f"{name}/{i}"] = value
    np.savez(target, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
