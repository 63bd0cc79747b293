"""The published weights of the Inception network: finding, fetching, putting in place.

The file is a PyTorch conversion of the graph's own weights, which pytorch-fid and
torch-fidelity publish under two names. Weights: Apache-2.0, the TensorFlow authors.
"""

import os
from pathlib import Path

import keras
import numpy as np

from ganzoo import files, paths
from ganzoo.errors import GanzooError
from ganzoo.metrics import torch_files

__all__ = ["SHA256", "URLS", "assign", "find"]

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
URLS = (  # one file at two places
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth",
)

# A layer's weights in Keras's order, by their names in the file.
_CONVOLUTION = ("weight",)
_NORM = ("weight", "bias", "running_mean", "running_var")


def find() -> Path:
    """Return the published file, from the cache or downloaded to it; sha256 checked.

    Raises: `GanzooError` where it is neither there nor to be had, or is damaged.

    Example:
        >>> find().name
        'weights-inception-2015-12-05-6726825d.pth'
    """
    folder = paths.home() / "networks"
    places = [folder / url.rpartition("/")[2] for url in URLS]
    found = [place for place in places if place.exists()]
    path = found[0] if found else _fetch(folder)
    if (digest := files.sha256_of(path)) != SHA256:
        raise GanzooError(
            f"{path} is damaged or another file: its sha256 is {digest}, not {SHA256}. "
            "Remove it, and it is fetched again."
        )
    return path


def _fetch(folder):
    """Download the file from the first address that has it."""
    if os.environ.get("GANZOO_OFFLINE", "0") not in ("", "0"):
        raise _missing(folder, "GANZOO_OFFLINE is set")
    failures = []
    for url in URLS:
        try:
            return Path(_retrieve(url, folder))
        except (OSError, ValueError) as error:
            failures.append(f"{url}: {error}")
    raise _missing(folder, "; ".join(failures))


def _retrieve(url, folder):
    import pooch

    return pooch.retrieve(
        url,
        known_hash=f"sha256:{SHA256}",
        fname=url.rpartition("/")[2],
        path=folder,
        progressbar=True,
    )


def _missing(folder, reason):
    name = URLS[0].rpartition("/")[2]
    return GanzooError(
        f"the Inception network's weights are not on this machine ({reason}). Put "
        f"{name} (96 MB, sha256 {SHA256}) into {folder}; it is at {URLS[0]}."
    )


def assign(model: keras.Model, path: str | Path) -> None:
    """Give `inception.build()` the weights in a file of torch's, which has all of them.

    Raises: `GanzooError` for a file that cannot be read, lacks weights, or has them in
    other shapes; the model then stays as it was.

    Example:
        >>> assign(inception.build(), "weights-inception-2015-12-05-6726825d.pth")
    """
    arrays = {
        name.replace(".", "_"): value for name, value in torch_files.read(path).items()
    }
    values = {
        layer: [
            _fitting(arrays, f"{layer.name}_{name}", variable, path)
            for name, variable in zip(_names_of(layer), layer.weights, strict=True)
        ]
        for layer in model.layers
    }
    for layer, weights in values.items():
        layer.set_weights(weights)


def _names_of(layer):
    if isinstance(layer, keras.layers.BatchNormalization):
        return _NORM
    return _CONVOLUTION if layer.weights else ()


def _fitting(arrays, name, variable, path):
    """The array of that name with its axes in Keras's order."""
    if name not in arrays:
        raise GanzooError(f"{path} has no {name}: it is not the Inception network.")
    value = arrays[name]
    if value.ndim == 4:
        value = value.transpose(2, 3, 1, 0)  # out, in, h, w -> h, w, in, out
    elif value.ndim == 2:
        value = value.T
    if value.shape != tuple(variable.shape):
        raise GanzooError(
            f"{path} has {name} in shape {value.shape}, the Inception network of 2015 "
            f"has {tuple(variable.shape)}. Use the file that {URLS[0]} names."
        )
    return np.asarray(value, "float32")
