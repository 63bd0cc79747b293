"""The game on TensorFlow: gradient tapes that watch one player at a time."""

import contextlib

import tensorflow as tf


def run_step(gan, data):
    return gan.play(data)


def value_and_gradients(loss, variables):
    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        value, logs = loss()
    return value, logs, _gradients(tape, value, values)


def input_gradient(function, x):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        total = tf.reduce_sum(function(x))
    return _gradients(tape, total, x)


def only_if(condition, function):
    return tf.cond(condition, function, lambda: tf.zeros(()))


def updating():
    return contextlib.nullcontext()


def _gradients(tape, target, sources):
    # Zero, not None, where a source has no part in the target: as on JAX.
    return tape.gradient(
        target, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
