"""The same network in plain PyTorch: `peer(network)` maps each layer to a module.

The walk through the Keras graph happens once; what comes out is a `torch.fx` module
whose `forward` is the straight code that a person would write (`peer(...).code` shows
it). Maps are (n, c, h, w) in the memory format channels last, so that rows and maps
turn into each other without a copy, in the order in which Keras has them.

"same" at a stride of 2 pads one pixel more at the end; PyTorch's `padding` pads alike
at both ends, which costs as much and is what people write. `aligned=True` pads as Keras
does, at the price of a copy: then the numbers are equal too.
"""

import torch
import torch_modules as parts
from keras import Model, layers, ops
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from ganzoo.errors import GanzooError
from ganzoo.layers import basic, fast, progressive, resampling, spectral
from ganzoo.layers.conditional import ConditionalBatchNormalization
from ganzoo.layers.equalised import EqualisedConv2D, EqualisedDense
from ganzoo.variants import r3gan

__all__ = ["peer"]

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
_makers = {}


def peer(network: Model, aligned: bool = False) -> nn.Module:
    """Return the PyTorch module of a Functional model, its weights copied.

    Its arguments are named like the model's inputs: latents (n, d), image (n, c, h, w),
    label (n,).

    Raises: `GanzooError` for a layer that has no counterpart here.

    Example:
        >>> peer(gan.generator)(latents=torch.randn(16, 100)).shape
        torch.Size([16, 1, 28, 28])
    """
    graph, modules = torch.fx.Graph(), nn.Module()
    inputs = [graph.placeholder(each.name) for each in network.inputs]

    def call(layer):
        if not hasattr(modules, layer.name):
            modules.add_module(layer.name, counterpart(layer, aligned))
        if isinstance(layer, Model):
            return lambda args, **_: graph.call_module(layer.name, kwargs=args)
        return lambda *args, **_: graph.call_module(layer.name, args)

    graph.output(network._run_through_graph(inputs, operation_fn=call))
    made = torch.fx.GraphModule(modules, graph)
    give_biases(made)
    return made.to(memory_format=torch.channels_last)


def give_biases(module):
    """Have convolutions add the biases of rectifiers behind them: it costs nothing."""
    called = [node for node in module.graph.nodes if node.op == "call_module"]
    for node in called:
        rectifier = module.get_submodule(node.target)
        if not isinstance(rectifier, parts.BiasedLeakyReLU):
            continue
        before = module.get_submodule(node.args[0].target)
        convolution = getattr(before, "module", before)
        if isinstance(convolution, nn.Conv2d) and convolution.bias is None:
            convolution.bias = nn.Parameter(rectifier.bias.detach().flatten())
            module.set_submodule(node.target, nn.LeakyReLU(0.2))


def counterpart(layer: layers.Layer, aligned: bool) -> nn.Module:
    """Return the module of one layer."""
    if isinstance(layer, Model):
        return peer(layer, aligned)
    if type(layer) not in _makers:
        known = ", ".join(sorted({kind.__name__ for kind in _makers}))
        raise GanzooError(
            f"{type(layer).__name__} ({layer.name!r}) has no counterpart in PyTorch "
            f"here. Those that have: {known}. Add it to benchmarks/torch_peer.py."
        )
    module = _makers[type(layer)](layer)
    if aligned and isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        module = parts.Aligned(module)
    activation = getattr(layer, "activation", None)
    if activation is None or activation.__name__ == "linear":
        return module
    return nn.Sequential(module, ACTIVATIONS[activation.__name__]())


def of(*kinds):
    """Enter the decorated function as what makes the module of these layers."""

    def enter(make):
        _makers.update(dict.fromkeys(kinds, make))
        return make

    return enter


def tensor(weight, *order):
    """A copy of a Keras weight, its axes in another order."""
    value = torch.from_numpy(ops.convert_to_numpy(weight).copy())
    return value.permute(order).contiguous() if order else value


def filled(module, **weights):
    """The module with copies of these weights; None is one that it has not."""
    with torch.no_grad():
        for name, value in weights.items():
            if value is not None:
                getattr(module, name).copy_(value)
    return module


# ------------------------------------------------------------------- affine layers


def bias_of(layer):
    return tensor(layer.bias) if layer.use_bias else None


def padding_of(layer):
    """What "same" pads after the map, where the stride divides its size."""
    sizes = zip(layer.kernel_size, layer.strides, strict=True)
    over = [max(size - stride, 0) for size, stride in sizes]
    return [each - each // 2 if layer.padding == "same" else 0 for each in over]


@of(layers.Dense)
def linear(layer, kind=nn.Linear):
    module = kind(*layer.kernel.shape, bias=layer.use_bias)
    return filled(module, weight=tensor(layer.kernel, 1, 0), bias=bias_of(layer))


@of(layers.Conv2D, fast.GroupedConv2D)
def convolution(layer, kind=nn.Conv2d):
    module = kind(
        layer.kernel.shape[2] * layer.groups,
        layer.filters,
        layer.kernel_size,
        layer.strides,
        padding_of(layer),
        groups=layer.groups,
        bias=layer.use_bias,
    )
    return filled(module, weight=tensor(layer.kernel, 3, 2, 0, 1), bias=bias_of(layer))


@of(layers.Conv2DTranspose, fast.Conv2DTranspose)
def transposed_convolution(layer):
    size, stride, padding = layer.kernel_size[0], layer.strides[0], padding_of(layer)[0]
    module = nn.ConvTranspose2d(
        layer.kernel.shape[3],
        layer.filters,
        size,
        stride,
        padding,
        output_padding=stride + 2 * padding - size,
        bias=layer.use_bias,
    )
    return filled(module, weight=tensor(layer.kernel, 3, 2, 0, 1), bias=bias_of(layer))


@of(layers.Embedding)
def embedding(layer):
    return nn.Embedding.from_pretrained(tensor(layer.embeddings), freeze=False)


@of(basic.Maxout)
def maxout(layer):
    return parts.Maxout(linear(layer.affine), layer.pieces)


def scaled(module, layer):
    module.scale = layer.gain * module.weight[0].numel() ** -0.5
    return module


@of(EqualisedDense)
def equalised_linear(layer):
    return scaled(linear(layer, parts.EqualisedLinear), layer)


@of(EqualisedConv2D)
def equalised_convolution(layer):
    return scaled(convolution(layer, parts.EqualisedConv2d), layer)


def spectral_peer(module, u, v):
    """The module under PyTorch's spectral norm, its vectors as the layer's are."""
    module = spectral_norm(module)
    filled(module.parametrizations.weight[0], _u=u, _v=v)
    return module


@of(spectral.SpectralDense)
def spectral_linear(layer):
    return spectral_peer(linear(layer), tensor(layer.u), tensor(layer.v))


@of(spectral.SpectralConv2D)
def spectral_convolution(layer):
    v = tensor(layer.v).reshape(tuple(layer.kernel.shape[:3]))
    v = v.permute(2, 0, 1).flatten()
    return spectral_peer(convolution(layer), tensor(layer.u), v)


@of(spectral.SpectralEmbedding)
def spectral_embedding(layer):
    # PyTorch takes the rows for the outputs, ganzoo for the inputs: sigma is the same.
    return spectral_peer(embedding(layer), tensor(layer.v), tensor(layer.u))


@of(resampling.BiasedLeakyReLU)
def biased_leaky_relu(layer):
    return parts.BiasedLeakyReLU(tensor(layer.bias))


@of(r3gan.Basis)
def basis(layer):
    return parts.Basis(tensor(layer.maps, 2, 0, 1)[None])


@of(r3gan.Readout)
def readout(layer):
    return parts.Readout(tensor(layer.maps, 2, 0, 1)[None])


# ------------------------------------------------------------------ normalisations


@of(layers.BatchNormalization, fast.BatchNormalization)
def batch_norm(layer):
    if layer.center != layer.scale:
        raise GanzooError(
            f"{layer.name!r} has a gain or a bias, not both: BatchNorm2d has both or "
            "none. Set center and scale alike."
        )
    mean, variance = tensor(layer.moving_mean), tensor(layer.moving_variance)
    settings = {"eps": layer.epsilon, "momentum": 1 - layer.momentum}
    module = nn.BatchNorm2d(len(mean), affine=layer.center, **settings)
    if layer.center:
        filled(module, weight=tensor(layer.gamma), bias=tensor(layer.beta))
    return filled(module, running_mean=mean, running_var=variance)


@of(ConditionalBatchNormalization)
def conditional_batch_norm(layer):
    gain, bias = (
        nn.Embedding.from_pretrained(tensor(each), freeze=False)
        for each in (layer.gain, layer.bias)
    )
    return parts.ConditionalBatchNorm(batch_norm(layer.norm), gain, bias)


@of(progressive.MinibatchStandardDeviation)
def minibatch_deviation(layer):
    return parts.MinibatchDeviation(layer.group_size)


# ------------------------------------------------------- shapes, labels, resampling

FUNCTIONS = {
    layers.Add: lambda xs: torch.add(*xs),
    layers.Concatenate: lambda xs: torch.cat(xs, 1),
    layers.Dot: lambda xs: (xs[0] * xs[1]).sum(1, keepdim=True),
    layers.Flatten: parts.rows,
    layers.GlobalAveragePooling2D: lambda x: x.mean((2, 3)),
    basic.GlobalSumPooling2D: lambda x: x.sum((2, 3)),
    basic.LabelPlanes: parts.label_planes,
}


@of(*FUNCTIONS)
def function(layer):
    return parts.Simple(FUNCTIONS[type(layer)])


MODULES = {
    layers.Activation: lambda layer: nn.Identity(),  # its function follows
    layers.AveragePooling2D: lambda layer: nn.AvgPool2d(layer.pool_size),
    layers.Dropout: lambda layer: nn.Dropout(layer.rate),
    layers.LeakyReLU: lambda layer: nn.LeakyReLU(layer.negative_slope),
    layers.ReLU: lambda layer: nn.ReLU(),
    layers.Reshape: lambda layer: parts.Maps(layer.target_shape),
    layers.UpSampling2D: lambda layer: nn.Upsample(scale_factor=layer.size),
    progressive.Doubling2D: lambda layer: nn.Upsample(scale_factor=2),
    progressive.Fade: lambda layer: parts.Fade(tensor(layer.alpha)),
    progressive.PixelNormalization: lambda layer: parts.PixelNorm(),
}


@of(*MODULES)
def small_module(layer):
    return MODULES[type(layer)](layer)


@of(layers.Rescaling)
def rescaling(layer):
    return parts.Simple(lambda x: x * layer.scale + layer.offset)


@of(basic.OneHot)
def one_hot(layer):
    return parts.Simple(lambda x: functional.one_hot(x, layer.num_classes).float())


@of(resampling.FilteredDown)
def filtered_down(layer):
    return parts.Filtered(layer.input.shape[-1], 1.0, functional.conv2d)


@of(resampling.FilteredUp)
def filtered_up(layer):
    up = functional.conv_transpose2d
    return parts.Filtered(layer.input.shape[-1], 4.0, up, output_padding=1)
