"""The game on torch: `autograd.grad` with respect to one player's parameters."""

import torch
from keras import ops


def run_step(gan, data):
    return gan.play(data)


def value_and_gradients(loss, variables):
    value, logs = loss()
    values = [variable.value for variable in variables]
    gradients = _gradients(value, values)
    return value.detach(), {k: v.detach() for k, v in logs.items()}, gradients


def input_gradient(function, x):
    xs = x if isinstance(x, (list, tuple)) else [x]
    xs = [each if each.requires_grad else each.detach() for each in xs]
    for each in xs:
        each.requires_grad_(True)
    out = function(xs if isinstance(x, (list, tuple)) else xs[0])
    gradients = _gradients(out.sum(), xs, create_graph=True)
    return gradients if isinstance(x, (list, tuple)) else gradients[0]


def only_if(condition, function):
    return function() if bool(condition) else torch.zeros((), device=condition.device)


def updating():
    return torch.no_grad()


def batch_norm(x, gain, bias, epsilon):
    outputs, mean, deviation = torch.native_batch_norm(
        x.movedim(-1, 1), gain, bias, None, None, True, 0.0, epsilon
    )
    variance = deviation.detach() ** -2 - epsilon
    return outputs.movedim(1, -1), mean.detach(), variance


def _gradients(target, sources, create_graph=False):
    found = torch.autograd.grad(
        target, sources, create_graph=create_graph, allow_unused=True
    )
    # Zero, not None, where a source has no part in the target: as on JAX.
    return [
        torch.zeros_like(source) if gradient is None else gradient
        for gradient, source in zip(found, sources, strict=True)
    ]


def grouped_conv(x, kernel, groups, **settings):
    return ops.conv(x, kernel, data_format="channels_last", **settings)


def device_name():
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def peak_memory():
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
