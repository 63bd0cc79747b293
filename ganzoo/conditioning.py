"""Conditioning: how a network of pictures is told the label of what it draws or sees.

    generator:      image = G([z, embedding(label)])
    discriminator:  logit = D(image) + <embedding(label), features(image)>

The features are what goes into the discriminator's last layer, which is named "logit".
Source: Miyato & Koyama 2018, arXiv:1802.05637, section 3 for the discriminator; the
label beside z as in Mirza & Osindero 2014, arXiv:1411.1784. It works for any variant
whose networks know no labels; `cgan` and `sngan_projection` have their papers' own.
"""

from typing import Any

import keras
from keras import layers

__all__ = ["discriminator", "generator"]


def generator(gan: Any, name: str) -> keras.Model:
    """Return the model's generator; told the label if its conditioning says so.

    The variant's own network then takes a z that is twice as long.
    """
    if not gan.conditioning:
        return gan.build_generator(name)
    size, gan.latent_dim = gan.latent_dim, 2 * gan.latent_dim
    try:
        body = gan.build_generator("body")
    finally:
        gan.latent_dim = size
    latents = keras.Input((size,), name="latents")
    label = keras.Input((), dtype="int32", name="label")
    # Entries as large as those of z.
    start = keras.initializers.RandomNormal(stddev=1.0)
    row = layers.Embedding(gan.num_classes, size, embeddings_initializer=start)(label)
    images = body({"latents": layers.Concatenate()([latents, row])})
    return keras.Model({"latents": latents, "label": label}, images, name=name)


def discriminator(gan: Any, name: str) -> keras.Model:
    """Return the model's discriminator; told the label if its conditioning says so."""
    network = gan.build_discriminator(name)
    if not gan.conditioning:
        return network
    label = keras.Input((), dtype="int32", name="label")
    features = network.get_layer("logit").input
    # A product of as many terms as there are features: of the size of a logit.
    size = features.shape[-1]
    start = keras.initializers.RandomNormal(stddev=size**-0.5)
    row = layers.Embedding(
        gan.num_classes, size, embeddings_initializer=start, dtype="float32"
    )(label)
    product = layers.Dot(axes=1, dtype="float32")([row, features])
    logit = layers.Add(dtype="float32")([network.output, product])
    return keras.Model(network.input | {"label": label}, logit, name=name)
