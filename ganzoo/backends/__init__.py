"""The only place that knows TensorFlow, JAX or torch.

Each of the three modules beside this one gives the same nine functions:

- `run_step(gan, *args)`: enter a training step as Keras calls it on this backend.
- `value_and_gradients(loss, variables)`: the value of `loss() -> (scalar, logs)`, its
  logs, and its gradient with respect to the variables.
- `input_gradient(function, x)`: the gradient of the sum of `function(x)` with respect
  to x, itself differentiable.
- `only_if(condition, function)`: `function()` where the condition holds, else 0.
- `updating()`: a context in which variables are assigned.
- `batch_norm(x, gain, bias, epsilon)`: the normalised x, and the mean and variance of
  its batch, by one kernel; twice differentiable. None where Keras's own is as good.
- `grouped_conv(x, kernel, groups, **settings)`: a convolution of maps (n, h, w, c) in
  groups; settings as those of `keras.ops.conv`.
- `device_name()`: of the accelerator that computes; "" on a processor.
- `peak_memory()`: the most bytes of the accelerator in use so far; 0 on a processor.
"""

import importlib

import keras

_MODULES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def _select():
    from ganzoo.errors import unknown

    name = keras.backend.backend()
    if name not in _MODULES:
        raise unknown("Keras backend for training", name, _MODULES)
    return importlib.import_module(f"ganzoo.backends.{name}_backend")


_backend = _select()

run_step = _backend.run_step
value_and_gradients = _backend.value_and_gradients
input_gradient = _backend.input_gradient
only_if = _backend.only_if
updating = _backend.updating
batch_norm = _backend.batch_norm
grouped_conv = _backend.grouped_conv
device_name = _backend.device_name
peak_memory = _backend.peak_memory
