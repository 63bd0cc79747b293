"""The estimators against independent ones, on the same features."""

import importlib
import sys
import types

import numpy as np
import prdc
import pytest
import scipy.linalg
import scipy.spatial
import torch

from ganzoo.metrics import frechet, inception_score, kernel, memorisation, neighbours
from ganzoo.metrics.moments import Moments


@pytest.fixture(scope="module")
def fidelity():
    """torch-fidelity's metrics, by name.

    It imports torchvision, which does not load beside every build of torch. The metrics
    need nothing of it, so an empty module stands in while they are imported.
    """
    stand_ins = {
        "torchvision": {},
        "torchvision.transforms": {},
        "torchvision.transforms.functional": {},
        "torchvision.datasets": {
            name: type(name, (), {}) for name in ("CIFAR10", "CIFAR100", "STL10")
        },
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, members in stand_ins.items():
            module = types.ModuleType(name)
            module.__dict__.update(members)
            patch.setitem(sys.modules, name, module)
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, module)
        names = ("fid", "kid", "isc", "prc")
        return {
            name: importlib.import_module(f"torch_fidelity.metric_{name}")
            for name in names
        }


@pytest.fixture(scope="module", params=[(1500, 1200, 24), (900, 1100, 64)])
def features(request):
    """Fake and real features as a network gives them: not negative, correlated."""
    fakes, reals, dims = request.param
    rng = np.random.default_rng(dims)
    mix = rng.standard_normal((dims, dims)) / np.sqrt(dims)
    fake = rng.standard_normal((fakes, dims)) @ mix * 1.3 + 0.4
    real = rng.standard_normal((reals, dims)) @ mix + 0.6
    return np.float32(fake.clip(0)), np.float32(real.clip(0))


def distance(fake, real):
    moments = [Moments(each.shape[1]).update(each) for each in (fake, real)]
    return frechet.frechet_distance(*moments)


def by_square_root(fake, real):
    """The published form, by scipy's square root of a matrix."""
    fake, real = np.float64(fake), np.float64(real)
    step = fake.mean(axis=0) - real.mean(axis=0)
    one, two = np.cov(fake.T), np.cov(real.T)
    root = scipy.linalg.sqrtm(one @ two)
    return step @ step + np.trace(one) + np.trace(two) - 2 * np.trace(root).real


def test_frechet_distance_is_that_of_the_square_root(features):
    assert distance(*features) == pytest.approx(by_square_root(*features), rel=1e-9)


def test_frechet_distance_is_that_of_torch_fidelity(fidelity, features):
    fid = fidelity["fid"]
    sides = [fid.fid_features_to_statistics(torch.tensor(each)) for each in features]
    theirs = fid.fid_statistics_to_metric(*sides, verbose=False)[fid.KEY_METRIC_FID]
    assert distance(*features) == pytest.approx(theirs, rel=1e-5)


@pytest.mark.filterwarnings("ignore::ganzoo.metrics.checks.FewSamples")
def test_frechet_distance_of_fewer_samples_than_features(fidelity):
    rng = np.random.default_rng(0)
    fake, real = rng.standard_normal((100, 256)), 2 * rng.standard_normal((90, 256))
    fid = fidelity["fid"]
    sides = [fid.fid_features_to_statistics(torch.tensor(x)) for x in (fake, real)]
    theirs = fid.fid_statistics_to_metric(*sides, verbose=False)[fid.KEY_METRIC_FID]
    assert distance(fake, real) == pytest.approx(theirs, rel=1e-5)
    # No matrix of features is needed: the roots are the singular values of this.
    centred = [(x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (fake, real)]
    shared = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    spread = sum((x**2).sum() for x in centred) - 2 * shared
    step = fake.mean(axis=0) - real.mean(axis=0)
    assert distance(fake, real) == pytest.approx(step @ step + spread, rel=1e-12)


def test_kernel_distance_is_that_of_torch_fidelity(fidelity, features):
    """With their seed even the subsets are the same."""
    kid = fidelity["kid"]
    how = {"kid_subsets": 20, "kid_subset_size": 500, "rng_seed": 2020}
    tensors = [torch.tensor(each).double() for each in features]
    theirs = kid.kid_features_to_metric(*tensors, **how, verbose=False)
    ours = kernel.kernel_distance(*features, subsets=20, subset_size=500, seed=2020)
    assert ours[0] == pytest.approx(theirs[kid.KEY_METRIC_KID_MEAN], rel=1e-9)
    assert ours[1] == pytest.approx(theirs[kid.KEY_METRIC_KID_STD], rel=1e-9)


@pytest.mark.parametrize("splits", [1, 10])
def test_inception_score_is_that_of_torch_fidelity(fidelity, splits):
    isc = fidelity["isc"]
    logits = 3 * np.random.default_rng(0).standard_normal((1003, 12))
    theirs = isc.isc_features_to_metric(torch.tensor(logits), splits, True, 2020)
    ours = inception_score.inception_score(logits, splits=splits, seed=2020)
    assert ours[0] == pytest.approx(theirs[isc.KEY_METRIC_ISC_MEAN], rel=1e-12)
    assert ours[1] == pytest.approx(theirs[isc.KEY_METRIC_ISC_STD], abs=1e-12)


@pytest.mark.parametrize("k", [3, 5])
def test_precision_and_recall_are_those_of_torch_fidelity(fidelity, features, k):
    prc = fidelity["prc"]
    tensors = [torch.tensor(each).double() for each in features]
    theirs = prc.prc_features_to_metric(*tensors, prc_neighborhood=k, verbose=False)
    ours = neighbours.precision_recall(*features, k=k)
    # Theirs are means in float32.
    assert ours[0] == pytest.approx(theirs[prc.KEY_METRIC_PRECISION], abs=1e-7)
    assert ours[1] == pytest.approx(theirs[prc.KEY_METRIC_RECALL], abs=1e-7)


@pytest.mark.parametrize("k", [3, 5])
def test_the_four_shares_are_those_of_prdc(features, k):
    fake, real = features
    theirs = prdc.compute_prdc(real, fake, k)
    precision, recall = neighbours.precision_recall(fake, real, k=k)
    density, coverage = neighbours.density_coverage(fake, real, k=k)
    assert precision == pytest.approx(theirs["precision"], abs=1e-12)
    assert recall == pytest.approx(theirs["recall"], abs=1e-12)
    assert density == pytest.approx(theirs["density"], rel=1e-12)
    assert coverage == pytest.approx(theirs["coverage"], abs=1e-12)


def test_authenticity_is_that_of_all_distances(features):
    fake, train = features
    apart = scipy.spatial.distance.cdist(train, train)
    np.fill_diagonal(apart, np.inf)
    to_train = scipy.spatial.distance.cdist(fake, train)
    closest = to_train.argmin(axis=1)
    authentic = to_train.min(axis=1) > apart.min(axis=1)[closest]
    assert memorisation.authenticity(fake, train) == pytest.approx(authentic.mean())
