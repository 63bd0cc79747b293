"""The network that reads tokens: words in their order, then the whole as one vector.

    tokens (n, length) -> words (n, length, dims), sentence (n, dims), |sentence| = 1

Embeddings, residual convolutions along the words, and the mean over those that are
there: a small network for captions of a dozen words, equal on every backend.
"""

import keras
from keras import layers, ops

__all__ = ["MaskedMean", "UnitLength", "build"]


@keras.saving.register_keras_serializable("ganzoo")
class MaskedMean(layers.Layer):
    """The mean over the words that are there: (n, l, d), (n, l) -> (n, d)."""

    def call(self, words, tokens):
        there = ops.cast(tokens > 0, words.dtype)[..., None]
        return ops.sum(words * there, axis=1) / ops.maximum(ops.sum(there, axis=1), 1.0)

    def compute_output_shape(self, words_shape, tokens_shape):
        return (words_shape[0], words_shape[2])


@keras.saving.register_keras_serializable("ganzoo")
class UnitLength(layers.Layer):
    """x / |x| over the last axis, so that products are cosines."""

    def call(self, x):
        square = ops.sum(ops.square(x), axis=-1, keepdims=True)
        return x * ops.rsqrt(square + 1e-8)

    def compute_output_shape(self, shape):
        return shape


@keras.saving.register_keras_serializable("ganzoo")
class Present(layers.Layer):
    """Words, 0 where there is none: (n, l, d), (n, l) -> (n, l, d)."""

    def call(self, words, tokens):
        return words * ops.cast(tokens > 0, words.dtype)[..., None]

    def compute_output_shape(self, words_shape, tokens_shape):
        return words_shape


def build(
    vocabulary: int, length: int, dims: int, *, width: int, kernel: int, dropout: float
) -> keras.Model:
    """Return the network: int32 (n, length) -> {"words": ..., "sentence": ...}.

    Args:
        vocabulary: numbers of tokens, 0 to fill up.
        length: tokens of a row.
        dims: of both outputs.
        width: of the maps inside.
        kernel: words that a convolution sees; 1 knows no order.
        dropout: share of the embeddings' units that are off in training.

    Example:
        >>> build(1000, 24, 128, width=128, kernel=3, dropout=0.2).output["sentence"]
    """
    tokens = keras.Input((length,), dtype="int32", name="tokens")
    x = layers.Embedding(vocabulary, width, name="embedding")(tokens)
    x = Present(name="present")(layers.Dropout(dropout, seed=1)(x), tokens)
    for number in (1, 2):
        y = layers.LayerNormalization(name=f"norm_{number}")(x)
        y = layers.Conv1D(width, kernel, padding="same", name=f"mix_{number}")(y)
        y = layers.Dense(width, name=f"out_{number}")(layers.ReLU()(y))
        x = Present(name=f"present_{number}")(layers.Add()([x, y]), tokens)
    words = layers.Dense(dims, name="words")(x)
    sentence = layers.Dense(dims, name="whole")(MaskedMean(name="word_mean")(x, tokens))
    sentence = UnitLength(name="sentence")(sentence)
    return keras.Model(tokens, {"words": words, "sentence": sentence}, name="reader")
