"""The game on JAX: stateful code inside stateless scopes.

Keras hands the state of all variables to `train_step` and wants the new state back.
`run_step` opens one `StatelessScope` that maps every variable to its value, plays the
step as if it were stateful, and reads the new values out of the scope.

A gradient needs a pure function of the values that it differentiates. It runs in a
fork of the scope (a scope inside a scope does not see the outer one), and whatever it
changed, such as batch statistics and seeds, is handed back to the outer scope.
"""

import contextlib

import jax
import keras
from keras import ops

_scopes = []  # the stack of scopes that are open, innermost last


def run_step(gan, state, data):
    groups = (
        gan.trainable_variables,
        gan.non_trainable_variables,
        gan.optimizer.variables,
        gan.metrics_variables,
    )
    mapping = [
        pair
        for variables, values in zip(groups, state, strict=True)
        for pair in zip(variables, values, strict=True)
    ]
    with _opened(keras.StatelessScope(state_mapping=mapping)) as scope:
        logs = gan.play(data)
    new_state = tuple(
        [scope.get_current_value(variable) for variable in variables]
        for variables in groups
    )
    return logs, new_state


def value_and_gradients(loss, variables):
    def pure(values):
        with _fork(zip(variables, values, strict=True)) as scope:
            value, logs = loss()
        return value, (logs, _changed(scope, besides=variables))

    values = [variable.value for variable in variables]
    (value, (logs, changed)), gradients = jax.value_and_grad(pure, has_aux=True)(values)
    _hand_back(changed)
    return value, logs, gradients


def input_gradient(function, x):
    def pure(x):
        with _fork() as scope:
            total = keras.ops.sum(function(x))
        return total, _changed(scope)

    gradient, changed = jax.grad(pure, has_aux=True)(x)
    _hand_back(changed)
    return gradient


def only_if(condition, function):
    def branch():
        # What a branch assigns would leak out of it, so it is dropped.
        with _fork():
            return function()

    return jax.lax.cond(condition, branch, lambda: jax.numpy.zeros(()))


def updating():
    return contextlib.nullcontext()


batch_norm = None  # XLA fuses the one of Keras


@contextlib.contextmanager
def _opened(scope):
    _scopes.append(scope)
    try:
        with scope:
            yield scope
    finally:
        _scopes.pop()


def _fork(replaced=()):
    """A scope with the values of the one that is open, but for the replaced ones."""
    scope = keras.StatelessScope()
    if _scopes:
        scope.state_mapping.update(_scopes[-1].state_mapping)
    scope.state_mapping.update({id(variable): value for variable, value in replaced})
    return _opened(scope)


def _changed(scope, besides=()):
    """What the closed fork changed: identities of variables -> new values."""
    before = _scopes[-1].state_mapping if _scopes else {}
    ignored = {id(variable) for variable in besides}
    return {
        key: value
        for key, value in scope.state_mapping.items()
        if key not in ignored and before.get(key) is not value
    }


def _hand_back(changed):
    if _scopes:
        _scopes[-1].state_mapping.update(changed)


def grouped_conv(x, kernel, groups, **settings):
    settings["data_format"] = "channels_last"
    if jax.default_backend() != "cpu":
        return ops.conv(x, kernel, **settings)
    # XLA's grouped kernels are slow on a processor: one convolution a group.
    parts = [ops.split(each, groups, axis=-1) for each in (x, kernel)]
    made = [ops.conv(*part, **settings) for part in zip(*parts, strict=True)]
    return ops.concatenate(made, axis=-1)


def device_name():
    device = jax.devices()[0]
    return "" if device.platform == "cpu" else device.device_kind


def peak_memory():
    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)
