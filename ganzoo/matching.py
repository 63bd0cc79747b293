"""What goes with what: losses, penalties, augmentations, conditionings of a variant.

Each rule is a function of a `Match` that returns why it does not go, and what to do
instead, or "". The table in docs/mix-and-match.md is made by asking them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.errors import GanzooError, unknown
from ganzoo.penalties import spec

__all__ = ["CONDITIONINGS", "Match", "check", "objection"]

CONDITIONINGS = ("projection",)
_BOUNDS = ("gradient_penalty", "r1", "r2")


@dataclass(frozen=True)
class Match:
    """A choice of parts for a variant.

    Args:
        variant: the name that errors call it.
        kind: its class, or a model of it.
        loss: a `losses.Loss`.
        penalties: names of penalties.
        augment: an augmentation, or None.
        conditioning: "" or one of `CONDITIONINGS`.
        num_classes: labels that the model has.
    """

    variant: str
    kind: Any
    loss: Any
    penalties: Sequence[str] = ()
    augment: Any = None
    conditioning: str = ""
    num_classes: int = 0


def objection(match: Match) -> str:
    """Return why these parts do not go together; "" if they do.

    Example:
        >>> objection(Match("dcgan", DCGAN, losses.get("wasserstein")))
        'the wasserstein loss needs ...'
    """
    return next((said for rule in _RULES if (said := rule(match))), "")


def check(gan: Any) -> None:
    """Raise `GanzooError` for parts of a model that do not go together."""
    if gan.conditioning and gan.conditioning not in CONDITIONINGS:
        raise unknown("conditioning", gan.conditioning, CONDITIONINGS)
    names = [name_of(each) for each in gan.penalties]
    match = Match(
        gan.name,
        gan,
        gan.objective,
        names,
        gan.augment,
        gan.conditioning,
        gan.num_classes,
    )
    if said := objection(match):
        raise GanzooError(f"{gan.name}: {said}")


def name_of(penalty: Any) -> str:
    """Return the name that a penalty has in recipes."""
    return spec(penalty)["name"]


# ------------------------------------------------------------------------- the rules


def _bounded_critic(match):
    bounded = match.kind.discriminator_norm == "spectral"
    if match.loss.name != "wasserstein" or bounded or set(match.penalties) & {*_BOUNDS}:
        return ""
    return (
        "the wasserstein loss has no lower end unless the discriminator's slope is "
        "held: add a penalty, as in penalties=['gradient_penalty'], or take a variant "
        "with spectral normalisation ('sngan')."
    )


def _a_slope_for_each_picture(match):
    mixed = match.kind.discriminator_norm == "batch"
    if "gradient_penalty" not in match.penalties or not mixed:
        return ""
    return (
        "gradient_penalty holds the slope at each picture by itself, and this "
        "variant's batch normalisation mixes the pictures of a batch "
        "(arXiv:1704.00028, section 4). Take 'r1', or a variant without it ('wgan_gp')."
    )


def _texts_to_match(match):
    if "matching_aware" not in match.penalties or match.kind.told_text:
        return ""
    return (
        "matching_aware holds the slope with respect to picture and text: it is for "
        "variants that are told texts ('dfgan'). Take 'r1' for pictures alone."
    )


def _a_sign_for_ada(match):
    if not (match.augment and match.augment.adaptive) or match.loss.centred:
        return ""
    return (
        f"ADA goes by the sign of the logits of reals, and with the {match.loss.name} "
        "loss 0 does not part real from fake. Take a loss such as 'non_saturating' or "
        "'hinge', or a fixed probability: augment={'name': 'ada', 'target': 0.0, "
        "'p': 0.3}, or 'diffaugment'."
    )


def _one_conditioning(match):
    if not match.conditioning or match.conditioning in match.kind.conditionings:
        return ""
    return (
        f"it takes no conditioning {match.conditioning!r}: {_instead(match.kind)} "
        "Leave `conditioning` out."
    )


def _instead(kind):
    if kind.grows:
        return "it has a network for each stage, and none of them is told the label."
    if kind.discriminator_norm == "spectral":
        return "every layer is spectrally normalised, as in 'sngan_projection'."
    return "it has its paper's own way to be told the label."


def _labels_to_be_told(match):
    if not match.conditioning or match.num_classes >= 2:
        return ""
    return (
        f"conditioning={match.conditioning!r} needs labels: give num_classes of at "
        f"least 2, or class_names; received {match.num_classes}."
    )


_RULES: Sequence[Callable] = (
    _bounded_critic,
    _a_slope_for_each_picture,
    _texts_to_match,
    _a_sign_for_ada,
    _one_conditioning,
    _labels_to_be_told,
)
