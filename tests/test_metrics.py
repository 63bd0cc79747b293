"""The estimators: closed forms, planted faults, refusals, memory."""

import math
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.spatial

from ganzoo.errors import GanzooError
from ganzoo.metrics import (
    checks,
    frechet,
    inception_score,
    intra_class,
    kernel,
    memorisation,
    neighbours,
)
from ganzoo.metrics.moments import Moments


def column(*values):
    return np.array(values, float)[:, None]


def normal(seed, count, dims, scale=1.0):
    return scale * np.random.default_rng(seed).standard_normal((count, dims))


def moments_of(features):
    return Moments(features.shape[1]).update(features)


def given(mean, covariance, count=10_000):
    """Moments of this mean and covariance, as if of so many samples."""
    moments = Moments(len(mean))
    moments.mean += mean
    moments.scatter += np.array(covariance, float) * (count - 1)
    moments.count = count
    return moments


def fd(fake, real):
    return frechet.frechet_distance(moments_of(fake), moments_of(real))


# ------------------------------------------------------------------ Fréchet distance


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (([0], [[1]]), ([1], [[4]]), 2),
        (([0, 0], np.diag([1, 4])), ([3, 4], np.diag([9, 1])), 30),
        (
            ([0, 0], [[2, 1], [1, 2]]),
            ([0, 0], np.diag([1, 4])),
            9 - 2 * math.sqrt(10 + 2 * math.sqrt(12)),
        ),
        (([0, 0], np.diag([1, 0])), ([0, 0], np.diag([0, 1])), 2),
        (([1, 1], np.zeros((2, 2))), ([0, 0], np.diag([1, 2])), 5),
        (([1, 1], np.zeros((2, 2))), ([0, 0], np.zeros((2, 2))), 2),
    ],
    ids=["1-d", "diagonal", "not commuting", "singular", "a point", "two points"],
)
def test_frechet_distance_of_known_moments(one, two, expected):
    one, two = given(*one), given(*two)
    assert frechet.frechet_distance(one, two) == pytest.approx(expected, rel=1e-12)
    assert frechet.frechet_distance(two, one) == pytest.approx(expected, rel=1e-12)


def test_covariance_is_divided_by_count_minus_one():
    with pytest.warns(checks.FewSamples):
        assert fd(column(0, 2), column(1, 5)) == pytest.approx(6)


def test_frechet_distance_is_invariant_as_it_must_be():
    one, two = normal(0, 400, 8), normal(1, 500, 8) @ np.diag(np.arange(1, 9)) + 1
    base = fd(one, two)
    turn = np.linalg.qr(normal(2, 8, 8))[0]
    assert fd(3 * one, 3 * two) == pytest.approx(9 * base)
    assert fd(one @ turn, two @ turn) == pytest.approx(base)
    assert fd(two, one) == pytest.approx(base)
    assert fd(one, one) == pytest.approx(0, abs=1e-6 * 8)


def test_frechet_distance_with_dead_and_repeated_features():
    one, two = normal(0, 400, 8), 2 * normal(1, 400, 8)

    def worse(features):
        return np.c_[features, np.zeros((400, 3)), features[:, :4]]

    both = fd(one, two) + fd(one[:, :4], two[:, :4])
    value = fd(worse(one), worse(two))
    assert np.isfinite(value) and 0 < value < 1.5 * both
    assert fd(worse(one), worse(one)) == pytest.approx(0, abs=1e-6 * 12)


@pytest.mark.parametrize(("count", "expected"), [(1000, 2.135), (10_000, 0.215)])
def test_bias_of_frechet_distance_falls_as_one_over_samples(count, expected):
    value = fd(normal(0, count, 64), normal(1, count, 64))
    assert value == pytest.approx(expected, rel=0.1)
    assert checks.expected_bias(64, count, count) == pytest.approx(expected, rel=0.05)


def test_frechet_infinity_has_no_bias_of_the_fakes():
    reference = given(np.zeros(16), np.eye(16), count=10**6)
    plain = frechet.frechet_distance(moments_of(normal(3, 3000, 16)), reference)
    endless = frechet.frechet_infinity(normal(3, 3000, 16), reference)
    assert abs(endless) < plain / 4
    shifted = frechet.frechet_infinity(normal(3, 3000, 16) + 1, reference)
    assert shifted == pytest.approx(16, rel=0.05)
    assert endless == frechet.frechet_infinity(normal(3, 3000, 16), reference)


# ------------------------------------------------------------------ moments


def test_moments_by_batches_are_those_of_all():
    features = normal(0, 5001, 7) + 3
    whole = moments_of(features)
    parts = Moments(7)
    for start in range(0, len(features), 640):
        assert parts.update(features[start : start + 640]) is parts
    halves = moments_of(features[:1000]).merge(moments_of(features[1000:]))
    for moments in (whole, parts, halves, Moments(7).merge(parts).merge(Moments(7))):
        assert moments.count == 5001
        np.testing.assert_allclose(moments.mean, features.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(moments.covariance, np.cov(features.T), atol=1e-11)


def test_moments_lose_nothing_to_a_large_mean():
    features = np.float32(normal(0, 3000, 4, scale=0.3) + 5000)
    exact = np.cov(np.float64(features).T)
    np.testing.assert_allclose(moments_of(features).covariance, exact, rtol=1e-9)


def test_moments_are_kept_in_a_file(tmp_path):
    moments = moments_of(normal(0, 100, 3))
    moments.save(tmp_path / "real.npz")
    again = Moments.load(tmp_path / "real.npz")
    assert again.count == 100
    np.testing.assert_array_equal(again.mean, moments.mean)
    np.testing.assert_array_equal(again.covariance, moments.covariance)


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "real.npz"
    np.savez(path, features=np.zeros(3))
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GanzooError, match="holds no moments"):
        Moments.load(path)


# ------------------------------------------------------------------ kernel distance


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (column(0, 1), column(0, 2), -13),
        (column(0, 0), column(1, 1), 7),
        (np.eye(2), np.array([[1, 1], [0, 0]]), -2.375),
    ],
)
def test_mmd2_of_known_sets(one, two, expected):
    assert kernel.mmd2(one, two) == pytest.approx(expected)
    assert kernel.kernel_distance(one, two, subsets=3) == (pytest.approx(expected), 0)


def test_mmd2_has_no_bias():
    draws = [kernel.mmd2(normal(i, 50, 4), normal(i + 999, 70, 4)) for i in range(400)]
    assert abs(np.mean(draws)) < 4 * np.std(draws) / math.sqrt(400)


def test_kernel_distance_shrinks_its_subsets_to_the_smaller_set():
    fake, real = normal(0, 60, 4), normal(1, 900, 4)
    mean, std = kernel.kernel_distance(fake, real, subsets=50)
    assert std > 0 and abs(mean) < 0.2
    again = kernel.kernel_distance(fake, real, subsets=50, subset_size=60)
    assert (mean, std) == again


# ------------------------------------------------------------------ Inception score


def test_inception_score_of_known_shares():
    sure = 1000 * np.tile(np.eye(10), (20, 1))
    assert inception_score.inception_score(np.zeros((40, 10)))[0] == pytest.approx(1)
    assert inception_score.inception_score(sure, splits=1)[0] == pytest.approx(10)
    two = np.log([[0.75, 0.25], [0.25, 0.75]])
    value = inception_score.inception_score(two, splits=1)
    assert value == (pytest.approx(1.1397535284773888), 0)


def test_inception_score_is_blind_to_the_order():
    by_class = 1000 * np.repeat(np.eye(10), 100, axis=0)
    assert inception_score.inception_score(by_class)[0] > 9
    assert inception_score.inception_score(by_class, seed=1)[1] > 0


# ------------------------------------------------------------------ neighbours


def test_balls_of_known_sets():
    real, fake = column(0, 1, 2, 4), column(0.5, 1.5, 10)
    assert neighbours.precision_recall(fake, real, k=1) == (pytest.approx(2 / 3), 1)
    density, coverage = neighbours.density_coverage(fake, real, k=1)
    assert (density, coverage) == (pytest.approx(4 / 3), 0.75)


@pytest.mark.parametrize("shift", [0, 0.1, 1e6])
def test_ties_are_within_a_ball_for_precision_and_outside_for_density(shift):
    real, fake = column(0, 1, 3) + shift, column(5, 20, 36) + shift
    found = neighbours.precision_recall(fake, real, k=1)
    assert found == (pytest.approx(1 / 3), 1)
    assert neighbours.density_coverage(fake, real, k=1) == (0, 0)


def test_balls_of_a_set_against_itself():
    points = column(0, 1, 2.5, 4.7, 8.1)
    assert neighbours.precision_recall(points, points, k=2) == (1, 1)
    assert neighbours.density_coverage(points, points, k=2) == (1, 1)
    many = np.float32(normal(0, 1500, 32) + 100)
    assert neighbours.precision_recall(many, many) == (1, 1)
    # Each is in its own ball and in k - 1 others of those it bounds, strictly.
    assert neighbours.density_coverage(many, many) == (1, 1)


def test_collapse_of_known_sets():
    real, fake = column(0, 1, 2, 4), column(1.2, 1.2, 1.2)
    assert neighbours.precision_recall(fake, real, k=1) == (1, 0)
    assert neighbours.density_coverage(fake, real, k=1) == (2, 0.5)


def test_equal_distributions_have_density_one_and_the_known_coverage():
    density, coverage = neighbours.density_coverage(
        normal(0, 2000, 8), normal(1, 2000, 8)
    )
    assert density == pytest.approx(1, abs=0.05)
    assert coverage == pytest.approx(0.96877, abs=0.015)


def test_neighbours_are_those_of_plain_differences():
    fake, real = np.float32(normal(0, 1100, 5) + 50), np.float32(normal(1, 4200, 5))
    real += 50
    distances, indices = memorisation.nearest(fake, real, count=3)
    plain = scipy.spatial.distance.cdist(fake, real)
    np.testing.assert_array_equal(indices, np.argsort(plain, axis=1)[:, :3])
    np.testing.assert_allclose(distances, np.sort(plain, axis=1)[:, :3], rtol=1e-12)


def test_an_exact_copy_is_at_no_distance():
    train = np.float32(normal(0, 300, 16) + 1000)
    distances, indices = memorisation.nearest(train[7:9], train)
    assert distances.tolist() == [[0], [0]] and indices.tolist() == [[7], [8]]
    assert memorisation.nearest(train[:1], train[:2], count=2)[1].tolist() == [[0, 1]]


@pytest.mark.parametrize(("fake", "expected"), [(0.1, 0), (5, 0), (6, 1)])
def test_authenticity_of_known_samples(fake, expected):
    assert memorisation.authenticity(column(fake), column(0, 1, 3)) == expected


# ------------------------------------------------------------------ planted faults

CLUSTERS, WIDTH = 10, 16


def clusters(seed, count=2000, without=()):
    """Ten clusters in 16 dimensions, and the cluster of each sample."""
    rng = np.random.default_rng(seed)
    centers = 4 * np.random.default_rng(99).standard_normal((CLUSTERS, WIDTH))
    labels = np.arange(count) % CLUSTERS
    shown = np.where(np.isin(labels, without), (labels + 1) % CLUSTERS, labels)
    return centers[shown] + rng.standard_normal((count, WIDTH)), labels


@pytest.fixture(scope="module")
def real():
    return clusters(0)


@pytest.fixture(scope="module")
def good():
    return clusters(1)


def test_scores_of_good_samples(real, good):
    precision, recall = neighbours.precision_recall(good[0], real[0])
    density, coverage = neighbours.density_coverage(good[0], real[0])
    assert precision > 0.6 and recall > 0.6
    assert density == pytest.approx(1, abs=0.1) and coverage > 0.9
    assert fd(good[0], real[0]) < 1
    assert 0.3 < memorisation.authenticity(good[0], real[0]) < 0.7


def test_collapse_is_seen(real, good):
    collapsed = np.repeat(real[0][:1], 2000, axis=0)
    assert neighbours.precision_recall(collapsed, real[0])[0] == 1
    assert neighbours.precision_recall(collapsed, real[0])[1] < 0.01
    assert neighbours.density_coverage(collapsed, real[0])[1] < 0.02
    assert fd(collapsed, real[0]) > 100 * fd(good[0], real[0])


def test_noise_is_seen(real, good):
    noise = normal(5, 2000, WIDTH, scale=20)
    assert neighbours.precision_recall(noise, real[0])[0] < 0.01
    assert neighbours.density_coverage(noise, real[0])[0] < 0.01
    assert fd(noise, real[0]) > 100 * fd(good[0], real[0])


def test_copies_are_seen_where_the_distance_praises_them(real, good):
    copies = real[0][np.random.default_rng(3).permutation(2000)]
    assert fd(copies, real[0]) < 1e-6 < fd(good[0], real[0])
    assert memorisation.authenticity(copies, real[0]) == 0
    near = copies + normal(6, 2000, WIDTH, scale=0.05)
    assert fd(near, real[0]) < fd(good[0], real[0])
    assert memorisation.authenticity(near, real[0]) < 0.01


def test_a_missing_class_is_seen(real, good):
    lacking, labels = clusters(1, without=[3])
    references = {i: moments_of(real[0][real[1] == i]) for i in range(CLUSTERS)}
    whole = neighbours.density_coverage(good[0], real[0])[1]
    assert neighbours.density_coverage(lacking, real[0])[1] < whole - 0.08
    fine = intra_class.frechet_per_class(*good, references)
    bad = intra_class.frechet_per_class(lacking, labels, references)
    assert list(fine) == list(range(CLUSTERS)) and max(fine.values()) < 4
    assert bad[3] > 100
    assert max(value for label, value in bad.items() if label != 3) < 4
    assert fd(lacking, real[0]) > fd(good[0], real[0])


def test_scores_get_worse_with_noise_and_with_dropped_modes(real):
    def badness(fake):
        coverage = neighbours.density_coverage(fake, real[0])[1]
        distance = kernel.mmd2(fake, real[0])
        return fd(fake, real[0]), distance, 1 - coverage

    good = clusters(1)[0]
    noisy = [badness(good + normal(7, *good.shape, scale)) for scale in (0, 1, 2, 4)]
    fewer = [badness(clusters(1, without=range(0, n, 2))[0]) for n in (0, 2, 6, 10)]
    for values in (noisy, fewer):
        assert (np.diff(values, axis=0) > 0).all(), values


# ------------------------------------------------------------------ refusals

SCORES = {
    "fd": fd,
    "fd_infinity": lambda x, y: frechet.frechet_infinity(x, moments_of(y)),
    "kd": kernel.kernel_distance,
    "mmd2": kernel.mmd2,
    "precision": neighbours.precision_recall,
    "density": neighbours.density_coverage,
    "nearest": memorisation.nearest,
    "authenticity": memorisation.authenticity,
}
each_score = pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)


@each_score
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused(score, value):
    bad = normal(0, 60, 3)
    bad[[4, 9], 1] = value
    for pair in [(bad, normal(1, 60, 3)), (normal(1, 60, 3), bad)]:
        with pytest.raises(GanzooError, match="2 of 60 rows .* hold NaN or infinity"):
            score(*pair)


@each_score
def test_different_widths_are_refused(score):
    with pytest.raises(GanzooError, match="4 dimensions .* 3|3 dimensions .* 4"):
        score(normal(0, 60, 4), normal(1, 60, 3))


@each_score
def test_other_shapes_are_refused(score):
    with pytest.raises(GanzooError, match="samples, dimensions"):
        score(np.zeros((5, 4, 3)), normal(1, 60, 3))


@each_score
def test_no_samples_are_refused(score):
    with pytest.raises(GanzooError, match="at least"):
        score(normal(0, 0, 3), normal(1, 60, 3))


@pytest.mark.parametrize("name", ["fd", "fd_infinity", "kd", "mmd2"])
def test_one_sample_has_no_spread(name):
    with pytest.raises(GanzooError, match="at least 2"):
        SCORES[name](normal(0, 1, 3), normal(1, 60, 3))


def test_few_samples_are_warned_of_with_the_bias():
    with pytest.warns(checks.FewSamples, match=r"639 samples .* up to 3\.\d\d apart"):
        fd(normal(0, 639, 64), normal(1, 800, 64))
    reference = moments_of(normal(1, 200, 10))
    with pytest.warns(checks.FewSamples, match="steps from 10 fakes"):
        frechet.frechet_infinity(normal(0, 100, 10), reference)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fd(normal(0, 640, 64), normal(1, 640, 64))


@pytest.mark.parametrize("k", [0, 20, 21, 1.5, True])
def test_a_k_beyond_the_samples_is_refused(k):
    few, many = normal(0, 20, 3), normal(1, 60, 3)
    for fake, real in [(few, many), (many, few)]:
        with pytest.raises(GanzooError, match="below the (20|60) (real|fake) samples"):
            neighbours.precision_recall(fake, real, k=k)
    with pytest.raises(GanzooError, match="below the 20 real samples"):
        neighbours.density_coverage(many, few, k=k)


def test_more_neighbours_than_samples_are_refused():
    with pytest.raises(GanzooError, match="from 1 to the 3 training samples"):
        memorisation.nearest(normal(0, 5, 2), normal(1, 3, 2), count=4)
    with pytest.raises(GanzooError, match="at least 2 training samples"):
        memorisation.authenticity(normal(0, 5, 2), normal(1, 1, 2))


@pytest.mark.parametrize("how", [{"subsets": 0}, {"subset_size": 1}])
def test_empty_subsets_are_refused(how):
    with pytest.raises(GanzooError, match="subset_size at least 2"):
        kernel.kernel_distance(normal(0, 9, 2), normal(1, 9, 2), **how)


def test_more_splits_than_pictures_are_refused():
    with pytest.raises(GanzooError, match="19 pictures .* 10 parts"):
        inception_score.inception_score(normal(0, 19, 5))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(9, int), "one class number a sample"),
        (np.arange(10) % 2 + 5, r"classes \[6\]; there are some of \[1, 5\]"),
        (np.full(10, 5), r"fewer than 2 fakes of classes \[1\]"),
    ],
)
def test_labels_that_fit_nothing_are_refused(labels, message):
    references = {1: moments_of(normal(0, 30, 1)), 5: moments_of(normal(1, 30, 1))}
    with pytest.raises(GanzooError, match=message):
        intra_class.frechet_per_class(normal(2, 10, 1), labels, references)


@pytest.mark.parametrize(
    "bad", [np.zeros(60), np.zeros((60, 0)), np.full((60, 3), "a"), [[1j] * 3] * 60]
)
def test_what_is_no_table_of_numbers_is_refused(bad):
    for score in (kernel.mmd2, neighbours.density_coverage, memorisation.nearest):
        with pytest.raises(GanzooError, match="real numbers of shape"):
            score(bad, normal(1, 60, 3))


def test_moments_refuse_what_they_cannot_take():
    with pytest.raises(GanzooError, match="at least 1"):
        Moments(0)
    with pytest.raises(GanzooError, match="2 samples, received 0"):
        _ = Moments(3).covariance
    moments = moments_of(normal(0, 9, 3))
    for bad in (np.full((2, 3), np.nan), normal(0, 9, 4)):
        with pytest.raises(GanzooError):
            moments.update(bad)
    with pytest.raises(GanzooError, match="two networks"):
        moments.merge(Moments(4))
    assert moments.count == 9


# ------------------------------------------------------------------ memory


def peak_megabytes(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def test_moments_hold_a_batch_and_a_matrix():
    moments = Moments(64)

    def work():
        rng = np.random.default_rng(0)
        for _ in range(50):
            moments.update(rng.standard_normal((1000, 64), dtype=np.float32))

    assert peak_megabytes(work) < 4  # a batch in float64 is 0.5
    assert moments.count == 50_000


def test_moments_of_one_large_batch_copy_little_of_it():
    features = np.float32(normal(0, 50_000, 64))  # 13 MB
    assert peak_megabytes(lambda: moments_of(features)) < 8


@pytest.mark.parametrize("name", ["precision", "density", "nearest", "authenticity"])
def test_neighbours_hold_a_tile_of_distances(name):
    """All distances of 5,000 to 9,000 would be 360 MB."""
    fake, real = np.float32(normal(0, 5000, 8)), np.float32(normal(1, 9000, 8))
    assert peak_megabytes(lambda: SCORES[name](fake, real)) < 120
