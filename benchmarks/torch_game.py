"""A training step in plain PyTorch: eager, channels last, as a person would write it.

`Game(gan, batch)` takes the networks (see `torch_peer`), the loss, the penalties and
the settings of a model of ganzoo, and plays the same game. It does as much or less:

- fakes for the discriminator are drawn without gradients, its weights get none in the
  generator's turn, and neither do reals in a loss of pairs;
- R1 and R2 take the logits that the loss has anyway;
- rates that follow a schedule, and gammas, stay where they start;
- of a model that grows, only the stage's own networks are averaged.

It has no augmentation.
"""

import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch_peer import peer

from ganzoo import penalties, schedules
from ganzoo.errors import GanzooError
from ganzoo.optimizers import RampedSGD
from ganzoo.variants.wgan_gp import WGANGP

__all__ = ["Game"]

softplus = functional.softplus
LOSSES = {
    "minimax": (
        lambda r, f: softplus(-r).mean() + softplus(f).mean(),
        lambda r, f: -softplus(f).mean(),
    ),
    "non_saturating": (
        lambda r, f: softplus(-r).mean() + softplus(f).mean(),
        lambda r, f: softplus(-f).mean(),
    ),
    "least_squares": (
        lambda r, f: 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean(),
        lambda r, f: 0.5 * (f - 1).square().mean(),
    ),
    "hinge": (
        lambda r, f: (1 - r).relu().mean() + (1 + f).relu().mean(),
        lambda r, f: -f.mean(),
    ),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    "relativistic": (
        lambda r, f: softplus(f - r).mean(),
        lambda r, f: softplus(r - f).mean(),
    ),
}


def optimizer_of(player, parameters):
    """PyTorch's own optimiser with the settings of a player's."""
    ours = player.optimizer
    rate = float(ours.learning_rate)
    if isinstance(ours, RampedSGD):
        return torch.optim.SGD(parameters, rate, ours.momentum)
    betas = (float(ours.beta_1), float(ours.beta_2))
    return torch.optim.Adam(parameters, rate, betas, ours.epsilon)


def slope(logits, images):
    """The gradient of the logits, itself differentiable, as rows."""
    found = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return found[0].flatten(1)


class Game:
    """The game of a model of ganzoo at its stage, in plain PyTorch.

    Args:
        gan: the model, made on any backend of Keras.
        batch: what `fit` is given for one step, as arrays.
        cast: the context of the networks' passes, such as `torch.autocast`.

    Raises: `GanzooError` for what is not written here: augmentations, losses of one's
    own.

    Example:
        >>> Game(gan, images.batch_at(0), torch.autocast("cpu", enabled=False)).step()
    """

    def __init__(self, gan, batch, cast):
        if gan.augment or gan.objective.name not in LOSSES:
            raise GanzooError(
                "plain PyTorch's game here has no augmentation, and these losses: "
                f"{', '.join(LOSSES)}; received {gan.augment or gan.objective.name!r}."
            )
        self.gan, self.cast, self.steps = gan, cast, 0
        actives = gan.active_generator(), gan.active_discriminator()
        self.generator, self.discriminator = (
            peer(getattr(each, "network", each)) for each in actives
        )
        self.told = [
            "label" in each.input for each in (gan.generator, gan.discriminator)
        ]
        self.d_loss, self.g_loss = LOSSES[gan.objective.name]
        self.penalties = {type(each): each for each in gan.penalties}
        self.d_optimizer, self.g_optimizer = (
            optimizer_of(player, network.parameters())
            for player, network in zip(
                gan.players, (self.discriminator, self.generator), strict=True
            )
        )
        half_life = 1000 * schedules.first(gan.ema_half_life_kimg)
        decay = 0.5 ** (len(batch["image"]) / half_life) if half_life else 0.0
        self.average = AveragedModel(
            self.generator, multi_avg_fn=get_ema_multi_avg_fn(decay)
        )
        image = torch.from_numpy(batch["image"]).permute(0, 3, 1, 2)
        self.image = image.contiguous(memory_format=torch.channels_last)
        self.label = torch.from_numpy(batch["label"]).long() if any(self.told) else None

    def step(self):
        """Take one step: the discriminator's turns, the generator's, the average."""
        parts = self.prepared().chunk(self.gan.turns)
        labels = [None] * len(parts)
        if self.label is not None:
            labels = self.label.chunk(self.gan.turns)
        for real, label in zip(parts, labels, strict=True):
            self.move_discriminator(real, label)
        self.discriminator.requires_grad_(False)
        self.move_generator(parts[0], labels[0])
        self.discriminator.requires_grad_(True)
        self.average.update_parameters(self.generator)
        self.steps += 1

    # ------------------------------------------------------------------- the turns

    def move_discriminator(self, real, label):
        with self.cast:
            with torch.no_grad():
                fake = self.imagine(len(real), label)
            real.requires_grad_(self.due(penalties.R1))
            fake.requires_grad_(self.due(penalties.R2))
            real_logits, fake_logits = self.judge(real, label), self.judge(fake, label)
            loss = self.d_loss(real_logits, fake_logits)
            loss = loss + self.penalty(real, fake, real_logits, fake_logits, label)
        self.apply(self.d_optimizer, loss)

    def move_generator(self, real, label):
        copies = self.gan.g_batch_scale
        if label is not None:
            label = label.repeat(copies)
        with self.cast:
            fake_logits = self.judge(self.imagine(copies * len(real), label), label)
            real_logits = None
            if self.gan.objective.paired:
                with torch.no_grad():
                    real_logits = self.judge(real, label)
            loss = self.g_loss(real_logits, fake_logits)
        self.apply(self.g_optimizer, loss)

    def apply(self, optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    # ------------------------------------------------------- what the turns are of

    def prepared(self):
        """The reals: dequantised, or at the stage's resolution and faded."""
        gan, image = self.gan, self.image
        if type(gan).prepare is WGANGP.prepare:
            return image + torch.rand_like(image) / 128
        if gan.grows:
            image = functional.avg_pool2d(image, 1 << (gan.top - gan.stage))
            if gan.stage and gan.fade_kimg:
                low = functional.avg_pool2d(image, 2)
                low = functional.interpolate(low, scale_factor=2)
                image = torch.lerp(low, image, 0.5)
        return image.detach()

    def imagine(self, count, label):
        shape = (count, self.gan.latent_dim)
        if self.gan.latent_distribution == "uniform":
            latents = torch.rand(shape) * 2 - 1
        else:
            latents = torch.randn(shape)
        told = {"label": label} if self.told[0] else {}
        return self.generator(latents=latents, **told).float()

    def judge(self, images, label):
        told = {"label": label} if self.told[1] else {}
        return self.discriminator(image=images, **told).float()

    # --------------------------------------------------------------- the penalties

    def due(self, kind):
        penalty = self.penalties.get(kind)
        return penalty is not None and self.steps % penalty.every == 0

    def penalty(self, real, fake, real_logits, fake_logits, label):
        """The sum of the penalties that are due."""
        total = 0.0
        for kind, penalty in self.penalties.items():
            if not self.due(kind):
                continue
            if kind is penalties.R1:
                found = self.centred_slope(penalty, real_logits, real)
            elif kind is penalties.R2:
                found = self.centred_slope(penalty, fake_logits, fake)
            elif kind is penalties.Drift:
                found = penalty.weight * real_logits.square().mean()
            else:
                found = self.gradient_penalty(penalty, real, fake, label)
            total = total + penalty.every * found
        return total

    def centred_slope(self, penalty, logits, images):
        gamma = schedules.first(penalty.gamma)
        return 0.5 * gamma * slope(logits, images).square().sum(1).mean()

    def gradient_penalty(self, penalty, real, fake, label):
        share = torch.rand(len(real), 1, 1, 1)
        mixed = torch.lerp(fake, real, share).detach().requires_grad_()
        norm = slope(self.judge(mixed, label), mixed).norm(dim=1)
        return penalty.weight * (norm - penalty.target).square().mean()
