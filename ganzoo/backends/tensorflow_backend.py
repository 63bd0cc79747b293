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


def batch_norm(x, gain, bias, epsilon):
    settings = {"epsilon": epsilon, "is_training": True}

    @tf.custom_gradient
    def forward(x, gain, bias):
        none = tf.zeros((0,))
        y, mean, variance, *saved = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=gain, offset=bias, mean=none, variance=none, **settings
        )
        return (y, mean, variance), lambda dy, *_: backward(dy, x, gain, *saved)

    @tf.custom_gradient
    def backward(dy, x, gain, *saved):
        spaces = {f"reserve_space_{i}": each for i, each in enumerate(saved, 1)}
        gradients = tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=dy, x=x, scale=gain, **spaces, **settings
        )[:3]

        def again(*upstream):
            sources = (dy, x, gain)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(sources)
                composed = _batch_norm_gradients(dy, x, gain, epsilon)
            found = tape.gradient(composed, sources, upstream)
            return (*found, *[None] * len(saved))

        return gradients, again

    y, mean, variance = forward(x, gain, bias)
    count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), "float32")
    # The kernel gives the unbiased variance, Keras keeps the biased one.
    return y, mean, variance * (count - 1.0) / count


def _batch_norm_gradients(dy, x, gain, epsilon):
    """What the kernel's gradient computes, by operations that have gradients."""
    kind, dy, x = x.dtype, tf.cast(dy, "float32"), tf.cast(x, "float32")
    mean, variance = tf.nn.moments(x, (0, 1, 2))
    scale = tf.math.rsqrt(variance + epsilon)
    unit = (x - mean) * scale
    d_bias, d_gain = (tf.reduce_sum(each, (0, 1, 2)) for each in (dy, dy * unit))
    count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), "float32")
    dx = gain * scale * (dy - (d_bias + unit * d_gain) / count)
    return tf.cast(dx, kind), d_gain, d_bias


def _gradients(tape, target, sources):
    # Zero, not None, where a source has no part in the target: as on JAX.
    return tape.gradient(
        target, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )


def grouped_conv(x, kernel, groups, *, strides, padding, dilation_rate):
    # The number of groups follows from the shapes.
    return tf.nn.conv2d(x, kernel, strides, padding.upper(), dilations=dilation_rate)


def device_name():
    found = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(found[0]) if found else {}
    return details.get("device_name", "")


def peak_memory():
    if not tf.config.list_physical_devices("GPU"):
        return 0
    return tf.config.experimental.get_memory_info("GPU:0")["peak"]
