"""The scores by name: what each needs, and which way is better."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ganzoo.errors import GanzooError, unknown
from ganzoo.metrics import (
    frechet,
    inception_score,
    intra_class,
    kernel,
    memorisation,
    neighbours,
)
from ganzoo.metrics.networks import INCEPTION
from ganzoo.metrics.references import Reference
from ganzoo.metrics.samples import Sample

__all__ = ["DEFAULT", "METRICS", "Metric", "full_name", "selected"]

NEIGHBOURS = 10_000  # most pictures a side in scores that compare each with each
AUTHENTIC = 2_000  # pictures held against the whole training set
DEFAULT = ("fd", "kd", "prdc")

_GROUPS = {"prdc": ("precision", "recall", "density", "coverage")}
# The published names, which belong to one network.
_PUBLISHED = {"fid": "fd", "fid_infinity": "fd_infinity", "kid": "kd"}


@dataclass(frozen=True)
class Metric:
    """A score of generated pictures against real ones.

    Args:
        name: without the feature network.
        measure: (sample, reference, seed) -> values by name; scores that are found
            together share it.
        lower: whether less is better.
        all_features: whether the features of every picture must be kept for it.
    """

    name: str
    measure: Callable[[Sample, Reference, int], dict[str, float]]
    lower: bool = False
    all_features: bool = False


def _fd(fake, real, seed):
    return {"fd": frechet.frechet_distance(fake.moments, real.moments)}


def _fd_infinity(fake, real, seed):
    value = frechet.frechet_infinity(fake.features, real.moments, seed=seed)
    return {"fd_infinity": value}


def _kd(fake, real, seed):
    near = real.subset(NEIGHBOURS)
    mean, _ = kernel.kernel_distance(fake.features[:NEIGHBOURS], near, seed=seed)
    return {"kd": mean}


def _is(fake, real, seed):
    return {"is": inception_score.inception_score(fake.logits, seed=seed)[0]}


def _precision_recall(fake, real, seed):
    near = real.subset(NEIGHBOURS)
    values = neighbours.precision_recall(fake.features[:NEIGHBOURS], near)
    return dict(zip(("precision", "recall"), values, strict=True))


def _density_coverage(fake, real, seed):
    near = real.subset(NEIGHBOURS)
    values = neighbours.density_coverage(fake.features[:NEIGHBOURS], near)
    return dict(zip(("density", "coverage"), values, strict=True))


def _authenticity(fake, real, seed):
    few = fake.features[:AUTHENTIC]
    return {"authenticity": memorisation.authenticity(few, real.features)}


def _intra_fd(fake, real, seed):
    if fake.labels is None:
        raise GanzooError(
            "intra_fd is the mean distance over the classes: it needs a model that "
            "draws what it is told, such as 'cgan'."
        )
    values = intra_class.frechet_per_class(fake.features, fake.labels, real.per_class)
    return {"intra_fd": sum(values.values()) / len(values)}


METRICS = {
    metric.name: metric
    for metric in (
        Metric("fd", _fd, lower=True),
        Metric("fd_infinity", _fd_infinity, lower=True, all_features=True),
        Metric("kd", _kd, lower=True),
        Metric("is", _is),
        Metric("precision", _precision_recall),
        Metric("recall", _precision_recall),
        Metric("density", _density_coverage),
        Metric("coverage", _density_coverage),
        Metric("authenticity", _authenticity),
        Metric("intra_fd", _intra_fd, lower=True, all_features=True),
    )
}


def selected(wanted: Sequence[str]) -> tuple[list[Metric], bool]:
    """Return the metrics of these names, and whether they ask for Inception.

    "prdc" stands for four; "fid", "fid_infinity" and "kid" are fd, fd_infinity and kd
    in Inception's space, and no other.

    Raises: `GanzooError` for unknown names, and for both kinds at once.

    Example:
        >>> [metric.name for metric in selected(["fd", "prdc"])[0]]
        ['fd', 'precision', 'recall', 'density', 'coverage']
    """
    names = [inner for name in wanted for inner in _GROUPS.get(name, (name,))]
    published = [name for name in names if name in _PUBLISHED]
    others = [name for name in names if name in _PUBLISHED.values()]
    if published and others:
        raise GanzooError(
            f"{', '.join(published)} are scores in {INCEPTION}, {', '.join(others)} in "
            "a network that you choose: ask for them one after the other."
        )
    names = [_PUBLISHED.get(name, name) for name in names]
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, [*METRICS, *_GROUPS, *_PUBLISHED, "cas"])
    return [METRICS[name] for name in dict.fromkeys(names)], bool(published)


def full_name(metric: str, network: str) -> str:
    """Return a score's name with its network: "fd[mnist-cnn]", but "fid".

    Example:
        >>> full_name("recall", "mnist-cnn")
        'recall[mnist-cnn]'
    """
    published = {inner: name for name, inner in _PUBLISHED.items()} | {"is": "is"}
    if network == INCEPTION and metric in published:
        return published[metric]
    return f"{metric}[{network}]"
