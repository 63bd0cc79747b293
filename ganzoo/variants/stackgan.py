"""StackGAN: a sketch from the text, then a picture from the sketch and the text.

Paper: Zhang et al., "StackGAN: Text to Photo-realistic Image Synthesis with Stacked
Generative Adversarial Networks", 2017, arXiv:1612.03242. Written from the paper; no
code was ported.

Stage I draws at half the size; stage II reads that picture and the text once more, and
draws at the full size. Each has its discriminator, which is also shown real pictures
beside a wrong text. Both are told the text by conditioning augmentation:

    c = mu(t) + sigma(t) * e,  e ~ N(0, 1);  L_G += weight * KL(N(mu, sigma) | N(0, 1))

Where it deviates:
- stage II doubles the size (the paper: 64 to 256), and each stage has as many doublings
  as its size asks for;
- stage II draws what is to be added to the sketch, doubled, so that it starts from it
  (the paper draws anew); pictures may leave [-1, 1], `generate` clips them;
- e is drawn with z, as a part of the latents, so that a seed decides a picture on every
  backend; both stages have the same e;
- the stages follow one another in one run, by real images shown; the rates fall within
  the whole run, not within each stage;
- texts are read by the zoo's own encoder, and a text a picture, not the mean of four.
"""

import math

import keras
from keras import layers

from ganzoo.captioned import TextGAN
from ganzoo.checks import check_positive, checked_kimg
from ganzoo.errors import GanzooError
from ganzoo.layers.basic import LabelPlanes, doublings
from ganzoo.layers.fast import BatchNormalization
from ganzoo.layers.progressive import Doubling2D, Fade, pooled
from ganzoo.layers.told import Drawn, Split, divergence
from ganzoo.registry import register

SKETCH_SIDE = 16  # pixels of the map to which stage II brings the sketch

# ---------------------------------------------------------------------------- blocks


def conv(x, filters, size=3, strides=1, use_bias=False):
    """A convolution that keeps the size, or halves it."""
    start = keras.initializers.RandomNormal(0.0, 0.02)
    return layers.Conv2D(
        filters, size, strides, "same", use_bias=use_bias, kernel_initializer=start
    )(x)


def norm(x):
    """Batch normalisation over each channel."""
    return BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def up(x, filters):
    """Doubled by its nearest pixels, then a 3x3 convolution."""
    return layers.ReLU()(norm(conv(Doubling2D()(x), filters)))


def down(x, filters):
    """Halved by a 4x4 convolution."""
    return layers.LeakyReLU(0.2)(norm(conv(x, filters, 4, 2)))


def residual(x):
    """x + two 3x3 convolutions."""
    y = layers.ReLU()(norm(conv(x, x.shape[-1])))
    return layers.ReLU()(layers.Add()([x, norm(conv(y, x.shape[-1]))]))


def bottleneck(x):
    """x + a 1x1 and two 3x3 convolutions, a quarter as wide inside."""
    inner = max(8, x.shape[-1] // 4)
    y = layers.ReLU()(norm(conv(x, inner, 1)))
    y = layers.ReLU()(norm(conv(y, inner)))
    return layers.ReLU()(layers.Add()([x, norm(conv(y, x.shape[-1]))]))


def conditioning(dims, size):
    """sentence (dims) -> mu (size) and log sigma (size), as one row."""
    sentence = keras.Input((dims,), name="sentence")
    row = layers.LeakyReLU(0.2)(layers.Dense(2 * size)(sentence))
    return keras.Model(sentence, row, name="conditioning")


def to_image(x, colours):
    """The last layer of a stage: 3x3 convolution and tanh, in float32."""
    x = conv(x, colours, use_bias=True)
    return layers.Activation("tanh", dtype="float32", name="tanh")(x)


# ------------------------------------------------------------------------- networks


def drawn_from(latents, sentence, size):
    """z, and c drawn from what the text says: both of latents (z and e)."""
    z, noise = Split(latents.shape[-1] - size)(latents)
    row = conditioning(sentence.shape[-1], size)(sentence)
    return z, Drawn()(row, noise)


def inputs_of(latent_dim, dims):
    """latents (latent_dim), sentence (dims)."""
    latents = keras.Input((latent_dim,), name="latents")
    return latents, keras.Input((dims,), name="sentence")


def sketcher(sketch_shape, latent_dim, dims, size, channels):
    """Stage I: latents, sentence -> image (h/2, w/2, c)."""
    latents, sentence = inputs_of(latent_dim, dims)
    count, first = doublings(sketch_shape)
    filters = channels << (count - 1)
    x = layers.Concatenate()(drawn_from(latents, sentence, size))
    x = layers.Dense(math.prod(first) * filters, use_bias=False)(x)
    x = layers.Reshape((*first, filters))(norm(x))
    x = bottleneck(layers.ReLU()(x))
    for i in range(1, count):
        x = up(x, filters >> i)
        x = bottleneck(x) if i == 1 else x
    image = to_image(Doubling2D()(x), sketch_shape[2])
    inputs = {"latents": latents, "sentence": sentence}
    return keras.Model(inputs, image, name="sketcher")


def refiner(sketch_shape, latent_dim, dims, size, channels, blocks):
    """Stage II: image (h/2, w/2, c), latents, sentence -> image (h, w, c)."""
    image = keras.Input(sketch_shape, name="image")
    latents, sentence = inputs_of(latent_dim, dims)
    halvings = max(0, int(math.log2(min(sketch_shape[:2]) / SKETCH_SIDE)))
    x = layers.ReLU()(conv(image, channels, use_bias=True))
    for i in range(halvings):
        x = layers.ReLU()(norm(conv(x, channels << (i + 1), 4, 2)))
    width = 2 * x.shape[-1]
    _, told = drawn_from(latents, sentence, size)
    x = layers.ReLU()(norm(conv(LabelPlanes()(x, told), width)))
    for _ in range(blocks):
        x = residual(x)
    for i in range(halvings + 1):
        x = up(x, width >> (i + 1))
    doubled = Doubling2D(dtype="float32")(image)
    change = to_image(x, sketch_shape[2])
    picture = layers.Add(dtype="float32")([doubled, change])
    return keras.Model([image, latents, sentence], picture, name="refiner")


def generator(gan, name):
    """latents (z and e), sentence -> image: the sketch, doubled, or the picture."""
    latents, sentence = inputs_of(gan.latent_dim, gan.text.dims)
    sizes = (gan.sketch_shape, gan.latent_dim, gan.text.dims, gan.condition_dim)
    inputs = {"latents": latents, "sentence": sentence}
    sketch = sketcher(*sizes, gan.channels)(inputs)
    refine = refiner(*sizes, gan.refiner_channels, gan.blocks)
    picture = refine([sketch, latents, sentence])
    doubled = Doubling2D(dtype="float32")(sketch)
    shown = Fade(float(gan.stage_at(0)), dtype="float32", name="fade")(doubled, picture)
    return keras.Model(inputs, shown, name=name)


def trunk(image_shape, channels, name):
    """image (h, w, c) -> its smallest map."""
    image = keras.Input(image_shape, name="image")
    count, _ = doublings(image_shape)
    x = layers.LeakyReLU(0.2)(conv(image, channels, 4, 2))
    for i in range(1, count):
        x = down(x, channels << min(i, 3))
    return keras.Model(image, x, name=name)


def head(map_shape, dims, size, name):
    """map, sentence (dims) -> logit (1)."""
    x = keras.Input(map_shape, name="map")
    sentence = keras.Input((dims,), name="sentence")
    told = layers.LeakyReLU(0.2)(layers.Dense(size)(sentence))
    y = layers.LeakyReLU(0.2)(norm(conv(LabelPlanes()(x, told), map_shape[-1], 1)))
    logit = layers.Dense(1, dtype="float32", name="logit")(layers.Flatten()(y))
    return keras.Model([x, sentence], logit, name=name)


def discriminator(gan, name):
    """image (h, w, c), sentence -> logit: that of the stage in play."""
    image = keras.Input(gan.image_shape, name="image")
    sentence = keras.Input((gan.text.dims,), name="sentence")
    small = layers.AveragePooling2D(2)(image)
    logits = []
    for stage, seen, channels in (
        (1, small, gan.channels),
        (2, image, gan.refiner_channels),
    ):
        maps = trunk(seen.shape[1:], channels, f"trunk_{stage}")(seen)
        judge = head(maps.shape[1:], gan.text.dims, gan.condition_dim, f"head_{stage}")
        logits.append(judge([maps, sentence]))
    logit = Fade(float(gan.stage_at(0)), dtype="float32", name="fade")(*logits)
    return keras.Model({"image": image, "sentence": sentence}, logit, name=name)


# ---------------------------------------------------------------------------- class


@register(
    "stackgan",
    title="StackGAN",
    paper="arXiv:1612.03242",
    year=2016,
    tasks=["text-to-image"],
    default_tag="emoji_captions",
)
class StackGAN(TextGAN):
    """Two stages: a sketch at half the size, then the picture.

    Args:
        channels: width of the first maps of stage I.
        refiner_channels: width of the first maps of stage II.
        blocks: residual blocks of stage II.
        condition_dim: length of c, and of the latents' part e.
        latent_dim: length of z and e together.
        kl_weight: of the conditioning's divergence.
        sketch_kimg: thousands of real images that stage I is trained on, before it is
            left as it is and stage II begins; 0 trains stage II alone, on a sketch that
            knows nothing.

    Example:
        >>> gan = ganzoo.create("stackgan", image_shape=(64, 64, 3), sketch_kimg=200)
        >>> gan.stage_at(199_999), gan.stage_at(200_000)
        (0, 1)
    """

    grows = True
    discriminator_norm = "batch"

    def __init__(
        self,
        *,
        channels: int = 64,
        refiner_channels: int = 64,
        blocks: int = 4,
        condition_dim: int = 128,
        latent_dim: int = 228,
        kl_weight: float = 2.0,
        sketch_kimg: float = 600.0,
        **kwargs,
    ):
        check_positive(
            channels=channels,
            refiner_channels=refiner_channels,
            blocks=blocks,
            condition_dim=condition_dim,
        )
        if latent_dim <= condition_dim:
            raise GanzooError(
                "latent_dim is the length of z and e together, and e has that of "
                f"condition_dim: it must be more than {condition_dim}, received "
                f"{latent_dim}."
            )
        self.channels, self.refiner_channels = channels, refiner_channels
        self.blocks, self.condition_dim = blocks, condition_dim
        self.kl_weight = kl_weight
        self.sketch_kimg = checked_kimg("sketch_kimg", sketch_kimg)
        super().__init__(latent_dim=latent_dim, **kwargs)
        self.stage = self.stage_at(0)
        self.stage_entered.assign(self.stage)

    @property
    def sketch_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of stage I."""
        height, width, channels = self.image_shape
        return (height // 2, width // 2, channels)

    def build_generator(self, name):
        doublings(self.image_shape)  # refuses what cannot be halved
        doublings(self.sketch_shape)
        return generator(self, name)

    def build_discriminator(self, name):
        return discriminator(self, name)

    # ----------------------------------------------------------------- the stages

    def stage_at(self, seen: int) -> int:
        """Return the stage after so many real images: 0 is stage I, 1 is stage II."""
        return int(seen >= 1000 * self.sketch_kimg)

    def enter_stage(self, stage):
        """Put the networks of the stage into play; stage II reads averaged sketches."""
        for network in (self.generator, self.discriminator, self.generator_ema):
            network.get_layer("fade").alpha.assign(float(stage))
        pairs = (
            each.get_layer("sketcher") for each in (self.generator, self.generator_ema)
        )
        live, average = (each.weights for each in pairs)
        for old, new in zip(live, average, strict=True):
            old.assign(new)

    def part(self):
        """Return the part of the generator that is trained in this stage."""
        return self.generator.get_layer("refiner" if self.stage else "sketcher")

    def parts(self):
        """Return the trunk and the head of the stage's discriminator."""
        names = (f"trunk_{self.stage + 1}", f"head_{self.stage + 1}")
        return tuple(map(self.discriminator.get_layer, names))

    def trained(self, player):
        """Return the variables of the stage: the other's are left as they are."""
        networks = self.parts() if player.name == "discriminator" else [self.part()]
        return [w for network in networks for w in network.trainable_variables]

    def prepare(self, batch):
        """Return the batch with the real images at the stage's size."""
        batch = super().prepare(batch)
        image = batch["image"] if self.stage else pooled(batch["image"], 2)
        return batch | {"image": image}

    def active_generator(self):
        """Return the stage's generator; stage II leaves the sketches as they are."""
        sketcher = self.generator.get_layer("sketcher")

        def play(inputs, training):
            if not self.stage:
                return sketcher(inputs, training=training)
            sketch = sketcher(inputs, training=False)
            told = [sketch, inputs["latents"], inputs["sentence"]]
            return self.part()(told, training=training)

        return play

    def first_network(self):
        """Return stage I of the averaged generator, which latents enter."""
        return self.generator_ema.get_layer("sketcher")

    def generator_loss(self, batch):
        """Return the adversarial loss and the conditioning's divergence."""
        loss, logs = super().generator_loss(batch)
        row = self.part().get_layer("conditioning")(batch["sentence"])
        return loss + self.kl_weight * divergence(row), logs
