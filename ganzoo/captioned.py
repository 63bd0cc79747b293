"""TextGAN: a GAN that draws what a text says; the part all such variants share.

Texts are read by a frozen text encoder (`ganzoo.text`) before training; a batch holds
their vectors as `sentence`. The discriminator is paid to refuse fakes, and real
pictures beside a text that is not theirs:

    L_D = 1/2 (l_D(r, f) + l_D(r, w)),  r = D(x, t), f = D(G(z, t), t), w = D(x, t')

with l_D the adversarial loss; t' is the text of the next picture in the batch.

Source: Reed et al. 2016, arXiv:1605.05396, section 4.2 (matching-aware discriminator).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from ganzoo import sampling, text
from ganzoo.checks import repeat_to
from ganzoo.errors import GanzooError
from ganzoo.gan import GAN
from ganzoo.penalties import total as total_penalty
from ganzoo.text.keywords import parted

__all__ = ["TextGAN"]


class TextGAN(GAN):
    """A GAN whose generator and discriminator are told a text.

    A variant's discriminator is made of two networks, named "trunk" (image -> map) and
    "head" (map, sentence -> logit), so that a picture is looked at once for all texts.

    Args:
        text_encoder: a name out of `ganzoo.text.names()`, or an encoder of one's own.
        captions: texts that are drawn where none is asked for, such as in grids.
        caption: name of the texts in the data.
        keywords: name of the texts' keywords in the data, parted by "|".
        keyword_versions: texts a picture beside its own, each with a keyword behind.

    Example:
        >>> gan = ganzoo.create("dfgan", image_shape=(64, 64, 3))
        >>> gan.fit(ganzoo.data.load("emoji_captions"), epochs=10)
        >>> gan.generate(text=["red apple", "green apple"], seed=7).shape
        (2, 64, 64, 3)
    """

    conditionings = ()
    told_text = True

    def __init__(
        self,
        *,
        text_encoder: Any = "emoji_captions",
        captions: Sequence[str] = (),
        caption: str = "caption",
        keywords: str = "keywords",
        keyword_versions: int = 0,
        **kwargs,
    ):
        self.text = text.get(text_encoder)
        self.captions = list(captions)
        self.caption, self.keywords = caption, keywords
        self.keyword_versions = keyword_versions
        super().__init__(**kwargs)

    def get_config(self) -> dict:
        """Return all arguments; the text encoder by its name."""
        return super().get_config() | {"text_encoder": self.text.name}

    # ------------------------------------------------------------------- the data

    def furnish(self, images: Any) -> Any:
        """Return data with the vectors of its texts as the field `sentence`.

        (examples, versions, dims), the text as it is first. `fit` does it by itself for
        what `ganzoo.data.load` returns.

        Raises: `GanzooError` for data without such texts, or with unreadable ones.
        """
        if "sentence" in images.fields:
            return images
        if self.caption not in images.texts:
            raise GanzooError(
                f"{self.name!r} learns from texts, and {images.name!r} has none named "
                f"{self.caption!r}; its texts: {', '.join(images.texts) or 'none'}. "
                "Name another by caption=..., or give the vectors as `sentence`."
            )
        texts = self._versions(images.texts)
        shape = (images.num_examples, -1, self.text.dims)
        return images.with_fields(sentence=self.read(texts).reshape(shape))

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Return what the networks are told of texts: float32 (n, dims).

        The encoder's vectors, brought to the length sqrt(dims): entries are about 1, as
        those of z are, whatever encoder it is.

        Raises: `GanzooError` for texts that the encoder cannot read.
        """
        found = np.float32(self.text(texts)["sentence"])
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        return found * np.sqrt(self.text.dims) / np.maximum(lengths, 1e-8)

    def _versions(self, texts):
        """All texts of all pictures, in the order of the pictures."""
        captions = texts[self.caption]
        keywords = texts.get(self.keywords, [""] * len(captions))
        rng = np.random.default_rng(0)
        found = []
        for caption, each in zip(captions, keywords, strict=True):
            words = parted(each)
            found.append(caption)
            for _ in range(self.keyword_versions):
                behind = f", {words[rng.integers(len(words))]}" if words else ""
                found.append(caption + behind)
        return found

    def fit(self, x=None, *args, **kwargs):
        """Train as Keras does; texts of `ganzoo.data.load`'s data are read first."""
        if hasattr(x, "texts"):
            x = self.furnish(x)
        return super().fit(x, *args, **kwargs)

    def prepare(self, batch):
        """Return the batch with one of the texts of each picture: (batch, dims)."""
        sentence = batch["sentence"]
        if len(sentence.shape) == 3:
            versions = sentence.shape[1]
            shape = (ops.shape(sentence)[0], 1)
            chosen = ops.floor(self.draw_uniform(shape) * versions)
            is_it = ops.equal(chosen, ops.arange(versions, dtype="float32")[None])
            is_it = ops.cast(is_it, sentence.dtype)[..., None]
            sentence = ops.sum(sentence * is_it, axis=1)
        return batch | {"sentence": sentence}

    # ------------------------------------------------------------------- the game

    def parts(self) -> tuple:
        """Return the discriminator's networks that play now: trunk and head."""
        return tuple(map(self.discriminator.get_layer, ("trunk", "head")))

    def judge_each(self, images, sentences: Sequence) -> list:
        """Return logits (n, 1), float32, of n images for each set of n sentences."""
        if self.augment:
            images = self.augment_state.applied(images)
        trunk, head = self.parts()
        maps = trunk(images, training=True)
        count = images.shape[0] or ops.shape(images)[0]
        return [
            ops.cast(head([maps, repeat_to(each, count)], training=True), "float32")
            for each in sentences
        ]

    def judge(self, images, batch):
        """Return the logits (n, 1) of n images beside the batch's texts."""
        return self.judge_each(images, [batch["sentence"]])[0]

    def evidence(self, batch, fake, real_logits):
        """Return what penalties may look at: texts too."""
        return (
            super()
            .evidence(batch, fake, real_logits)
            .with_text(
                batch["sentence"],
                lambda images, told: self.judge_each(images, [told])[0],
            )
        )

    def discriminator_loss(self, batch):
        """Return the loss of fakes and of wrong texts, and the logs."""
        told = batch["sentence"]
        fake = ops.stop_gradient(ops.cast(self.imagine(batch), batch["image"].dtype))
        both = [told, ops.roll(told, 1, axis=0)]
        real_logits, wrong_logits = self.judge_each(batch["image"], both)
        fake_logits = self.judge(fake, batch)
        penalty = total_penalty(self.penalties, self.evidence(batch, fake, real_logits))
        refused = [
            self.objective.discriminator(real_logits, logits)
            for logits in (fake_logits, wrong_logits)
        ]
        logs = self.discriminator_logs(real_logits, fake_logits, penalty)
        logs["wrong_score"] = ops.mean(wrong_logits)
        return 0.5 * (refused[0] + refused[1]) + penalty, logs

    def discriminator_log_names(self) -> tuple:
        """Return the names of the discriminator's logs."""
        return (*super().discriminator_log_names(), "wrong_score")

    # ------------------------------------------------------------------- pictures

    def asked(self, count, labels, text):
        """Return how many pictures, and the vectors of the texts that they show."""
        return sampling.asked_by_text(self, count, labels, text)
