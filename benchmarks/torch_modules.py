"""Parts of GANs that `torch.nn` has not, as plain PyTorch modules.

Maps are (n, c, h, w) in the memory format channels last.
"""

import torch
from torch import nn
from torch.nn import functional


class Simple(nn.Module):
    """A module of one function, without weights."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


# ------------------------------------------------------------------- affine layers


class Aligned(nn.Module):
    """A convolution that pads, or a transposed one that crops, as Keras does."""

    def __init__(self, module):
        super().__init__()
        self.module, self.after = module, module.padding[0]
        self.before = max(module.kernel_size[0] - module.stride[0], 0) - self.after
        module.padding = (0, 0)
        self.crops = isinstance(module, nn.ConvTranspose2d)
        if self.crops:
            module.output_padding = (0, 0)

    def forward(self, x):
        if not self.crops:
            return self.module(functional.pad(x, [self.before, self.after] * 2))
        y = self.module(x)
        rows, columns = (slice(self.before, n - self.after) for n in y.shape[2:])
        return y[:, :, rows, columns]


class EqualisedLinear(nn.Linear):
    """y = (weight * scale) x + b."""

    def forward(self, x):
        return functional.linear(x, self.weight * self.scale, self.bias)


class EqualisedConv2d(nn.Conv2d):
    """y = (weight * scale) * x + b."""

    def forward(self, x):
        return self._conv_forward(x, self.weight * self.scale, self.bias)


class Maxout(nn.Module):
    """The maximum over the pieces of each unit."""

    def __init__(self, affine, pieces):
        super().__init__()
        self.affine, self.pieces = affine, pieces

    def forward(self, x):
        return self.affine(x).unflatten(1, (-1, self.pieces)).amax(2)


class BiasedLeakyReLU(nn.Module):
    """leaky_relu(x + bias), a bias a channel."""

    def __init__(self, bias):
        super().__init__()
        self.bias = nn.Parameter(bias.reshape(-1, 1, 1))

    def forward(self, x):
        return functional.leaky_relu(x + self.bias, 0.2)


class Basis(nn.Module):
    """A row (n, c) times a learnt map a channel: (n, c, h, w)."""

    def __init__(self, maps):
        super().__init__()
        self.maps = nn.Parameter(maps)

    def forward(self, x):
        maps = self.maps * x[:, :, None, None]
        return maps.contiguous(memory_format=torch.channels_last)


class Readout(nn.Module):
    """The sum of each channel's map times a learnt one: (n, c)."""

    def __init__(self, maps):
        super().__init__()
        self.maps = nn.Parameter(maps)

    def forward(self, x):
        return (self.maps * x).sum((2, 3))


# ------------------------------------------------------------------ normalisations


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with a gain and a bias for each class."""

    def __init__(self, norm, gain, bias):
        super().__init__()
        self.norm, self.gain, self.bias = norm, gain, bias

    def forward(self, x, labels):
        gain, bias = (each(labels)[:, :, None, None] for each in (self.gain, self.bias))
        return gain * self.norm(x) + bias


class PixelNorm(nn.Module):
    """Each pixel's vector at a mean square of 1."""

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class MinibatchDeviation(nn.Module):
    """Appends the mean deviation within a group as a map."""

    def __init__(self, group_size):
        super().__init__()
        self.group_size = group_size

    def forward(self, x):
        sizes = range(2, self.group_size + 1)
        size = max((each for each in sizes if len(x) % each == 0), default=len(x))
        variance = x.unflatten(0, (size, -1)).var(0, correction=0)
        deviation = (variance + 1e-8).sqrt().mean((1, 2, 3))
        plane = deviation.repeat(size)[:, None, None, None]
        return torch.cat([x, plane.expand(-1, 1, *x.shape[2:])], 1)


# ------------------------------------------------------- shapes, labels, resampling


def rows(x):
    """(n, c, h, w) -> (n, h * w * c): no copy, the memory has that order."""
    return x.permute(0, 2, 3, 1).flatten(1) if x.dim() == 4 else x


class Maps(nn.Module):
    """(n, h * w * c) -> (n, c, h, w): no copy."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.unflatten(1, self.shape).permute(0, 3, 1, 2)


def label_planes(x, row):
    """The row beside a row, or as constant planes beside a map."""
    if x.dim() == 4:
        row = row[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, row], 1)


class Fade(nn.Module):
    """From one map to another."""

    def __init__(self, alpha):
        super().__init__()
        self.register_buffer("alpha", alpha)

    def forward(self, low, high):
        return torch.lerp(low, high.to(low.dtype), self.alpha.to(low.dtype))


class Filtered(nn.Module):
    """The filter [1, 2, 1] (x) [1, 2, 1] of each channel, at every second pixel."""

    def __init__(self, channels, gain, apply, **settings):
        super().__init__()
        taps = torch.tensor([1.0, 2.0, 1.0])
        kernel = gain / 16 * torch.outer(taps, taps).expand(channels, 1, 3, 3)
        self.register_buffer("kernel", kernel.contiguous())
        self.filtered = apply
        self.settings = {"stride": 2, "padding": 1, "groups": channels, **settings}

    def forward(self, x):
        return self.filtered(x, self.kernel, **self.settings)
