"""cGAN: generator and discriminator are both told the label.

Paper: Mirza, Osindero, "Conditional Generative Adversarial Nets", 2014,
arXiv:1411.1784. Written from the paper; no code was ported.

`architecture="dense"` is the paper's: fully connected, maxout discriminator, SGD.
`architecture="conv"` gives the label to DCGAN's networks (arXiv:1511.06434): its
one-hot row joins the latents and, as constant planes, each feature map.

Where it deviates:
- the discriminator's joint layer and the rectified layers use the weights' spread of
  the first GAN's published settings, the paper names none;
- pictures go in and out as [-1, 1]; inside the dense networks they are [0, 1];
- what is published is the average of the generator, which the paper has not.
"""

import keras
from keras import layers

from ganzoo.errors import GanzooError, unknown
from ganzoo.gan import GAN
from ganzoo.layers.basic import LabelPlanes, OneHot, doublings
from ganzoo.optimizers import RampedSGD
from ganzoo.registry import register
from ganzoo.variants import dcgan, gan

ARCHITECTURES = ("dense", "conv")

# ---------------------------------------------------------------------------- blocks


def label_input(num_classes):
    """The label's input, int (), and its one-hot row (num_classes)."""
    label = keras.Input((), dtype="int32", name="label")
    return label, OneHot(num_classes)(label)


# ------------------------------------------------------------------- dense networks


def dense_generator(image_shape, latent_dim, num_classes, name):
    """z -> 200, label -> 1000, both -> 1200 -> image (section 4.1)."""
    latents = keras.Input((latent_dim,), name="latents")
    label, row = label_input(num_classes)
    branches = [gan.dense_relu(latents, 200), gan.dense_relu(row, 1000)]
    x = gan.dense_relu(layers.Concatenate()(branches), 1200)
    inputs = {"latents": latents, "label": label}
    return keras.Model(inputs, gan.to_images(x, image_shape), name=name)


def dense_discriminator(image_shape, num_classes, name):
    """image -> maxout 240x5, label -> maxout 50x5, both -> maxout 240x4 -> logit."""
    image = keras.Input(image_shape, name="image")
    label, row = label_input(num_classes)
    branches = [
        gan.maxout(gan.from_image(image), 240, 5, rate=0.2),
        gan.maxout(row, 50, 5, rate=0.0),
    ]
    x = gan.maxout(layers.Concatenate()(branches), 240, 4, rate=0.5)
    inputs = {"image": image, "label": label}
    return keras.Model(inputs, gan.to_logit(x), name=name)


# ----------------------------------------------------------- convolutional networks


def conv_generator(image_shape, latent_dim, channels, num_classes, name):
    """DCGAN's generator with the label beside z and on each map."""
    count, (height, width) = doublings(image_shape)
    latents = keras.Input((latent_dim,), name="latents")
    label, row = label_input(num_classes)
    filters = channels << (count - 1)
    x = layers.Dense(
        height * width * filters,
        use_bias=False,
        kernel_initializer=dcgan.normal_init(),
    )(LabelPlanes()(latents, row))
    x = layers.Reshape((height, width, filters))(x)
    x = layers.ReLU()(dcgan.batch_norm(x))
    for i in reversed(range(count - 1)):
        x = dcgan.upsample(LabelPlanes()(x, row), channels << i)
        x = layers.ReLU()(dcgan.batch_norm(x))
    inputs = {"latents": latents, "label": label}
    images = dcgan.to_images(LabelPlanes()(x, row), image_shape[2])
    return keras.Model(inputs, images, name=name)


def conv_discriminator(image_shape, channels, num_classes, name):
    """DCGAN's discriminator with the label on the image and on each map."""
    count, _ = doublings(image_shape)
    image = keras.Input(image_shape, name="image")
    label, row = label_input(num_classes)
    x = dcgan.downsample(LabelPlanes()(image, row), channels, use_bias=True)
    x = layers.LeakyReLU(0.2)(x)
    for i in range(1, count):
        x = dcgan.downsample(LabelPlanes()(x, row), channels << i)
        x = layers.LeakyReLU(0.2)(dcgan.batch_norm(x))
    x = LabelPlanes()(layers.Flatten()(x), row)
    inputs = {"image": image, "label": label}
    return keras.Model(inputs, dcgan.to_logit(x), name=name)


# ---------------------------------------------------------------------------- class


@register(
    "cgan",
    title="Conditional GAN",
    paper="arXiv:1411.1784",
    year=2014,
    conditional=True,
    default_tag="fashion_mnist",
)
class ConditionalGAN(GAN):
    """A GAN that draws the class it is asked for.

    Args:
        num_classes: number of labels, at least 2.
        architecture: "dense", the paper's networks, or "conv", DCGAN's.
        channels: width of the largest feature map of the convolutional networks.
        g_lr, d_lr: learning rates; 0 takes 0.1 (SGD) for dense and 2e-4 (Adam) for
            convolutional networks.
        momentum_ramp: updates in which SGD's momentum rises from 0.5 to 0.7.
    """

    latent_distribution = "uniform"
    conditionings = ()  # it has its own

    def __init__(
        self,
        *,
        architecture: str = "dense",
        channels: int = 128,
        latent_dim: int = 100,
        g_lr: float = 0.0,
        d_lr: float = 0.0,
        momentum_ramp: int = 125_000,
        **kwargs,
    ):
        if architecture not in ARCHITECTURES:
            raise unknown("architecture", architecture, ARCHITECTURES)
        self.architecture, self.channels = architecture, channels
        self.discriminator_norm = "batch" if architecture == "conv" else ""
        self.momentum_ramp = momentum_ramp
        lr = 0.1 if architecture == "dense" else 2e-4
        super().__init__(
            latent_dim=latent_dim, g_lr=g_lr or lr, d_lr=d_lr or lr, **kwargs
        )

    def build_generator(self, name):
        if self.num_classes < 2:
            raise GanzooError(
                f"a conditional GAN needs num_classes of at least 2, received "
                f"{self.num_classes}: give num_classes or class_names."
            )
        if self.architecture == "dense":
            return dense_generator(
                self.image_shape, self.latent_dim, self.num_classes, name
            )
        return conv_generator(
            self.image_shape, self.latent_dim, self.channels, self.num_classes, name
        )

    def build_discriminator(self, name):
        if self.architecture == "dense":
            return dense_discriminator(self.image_shape, self.num_classes, name)
        return conv_discriminator(
            self.image_shape, self.channels, self.num_classes, name
        )

    def build_optimizer(self, player):
        if self.architecture == "conv":
            return super().build_optimizer(player)
        return RampedSGD(
            self.rates[player], decay=1.00004, ramp_updates=self.momentum_ramp
        )
