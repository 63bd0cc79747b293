"""Precision, recall, density, coverage: who lies in whose neighbourhood.

A sample's ball reaches to its k-th neighbour in its own set, itself left out. Distances
are squared, in float64, a tile of them at a time: memory is the same for any number
of samples. Differences below the rounding error of a tile count as ties.
"""

import numpy as np

from ganzoo.metrics import checks

__all__ = ["density_coverage", "nearest", "precision_recall"]

_ROWS, _COLUMNS = 1024, 4096  # of a tile: 32 MB
_ROUNDING = 1e-12  # of a squared distance, relative to the squared norms


def precision_recall(
    fake: np.ndarray, real: np.ndarray, *, k: int = 3
) -> tuple[float, float]:
    """Return improved precision and recall, each in [0, 1].

    Precision is the share of fakes within (<=) the ball of any real sample, recall the
    share of reals within that of any fake. Equal distributions do not reach 1.

    Args:
        fake: features (n, d).
        real: features (m, d).
        k: which neighbour a ball reaches to.

    Raises: `GanzooError` for k not below n and m, different widths, NaN or infinity.

    Source: Kynkaanniemi et al. 2019, arXiv:1904.06991, equations 1 and 2. Differs:
    exact distances in the given features, not float16 of VGG-16.

    Example:
        >>> precision_recall(fake, real)
        (0.71, 0.64)
    """
    fake, real = checks.pair(fake, real)
    center = real.mean(axis=0, dtype=np.float64)
    shares = []
    for points, balls, whose in ((fake, real, "real"), (real, fake, "fake")):
        radii = _radii(balls, k, center, whose)
        inside = np.zeros(len(points), bool)
        for rows, _, slack in _slack(points, balls, radii, center, -1):
            inside[rows] |= (slack <= 0).any(axis=1)
        shares.append(float(inside.mean()))
    return shares[0], shares[1]


def density_coverage(
    fake: np.ndarray, real: np.ndarray, *, k: int = 5
) -> tuple[float, float]:
    """Return density, at least 0 and about 1 at best, and coverage in [0, 1].

    Density is the number of real balls that a fake lies in (<), over k, on average;
    coverage the share of real balls that any fake lies in. Equal distributions give a
    density of 1 and, for n = m = 10,000, a coverage of 0.969.

    Args:
        fake: features (n, d).
        real: features (m, d).
        k: which neighbour a real ball reaches to.

    Raises: `GanzooError` for k not below m, different widths, NaN or infinity.

    Source: Naeem et al. 2020, arXiv:2002.09797, equations 4 and 6; strictly inside, as
    in its authors' package: the ball of a repeated real sample may hold nothing.

    Example:
        >>> density_coverage(fake, real)
        (0.93, 0.88)
    """
    fake, real = checks.pair(fake, real)
    center = real.mean(axis=0, dtype=np.float64)
    radii = _radii(real, k, center, "real")
    within, covered = 0, np.zeros(len(real), bool)
    for _, columns, slack in _slack(fake, real, radii, center, 1):
        inside = slack < 0
        within += int(np.count_nonzero(inside))
        covered[columns] |= inside.any(axis=0)
    return within / (k * len(fake)), float(covered.mean())


def nearest(
    points: np.ndarray, others: np.ndarray, count: int, center: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return squared distances and indices (n, count) of the nearest others.

    Nearest first. Sought by the products of a tile, then measured by differences, so
    that equal samples are at 0 and ties are ties.

    Args:
        points: features (n, d).
        others: features (m, d), m at least `count`.
        count: how many.
        center: (d,), taken off both in the products: less is lost to rounding.

    Example:
        >>> radii = nearest(real, real, 4, real.mean(axis=0))[0][:, 3]
    """
    far = np.full((len(points), count), np.inf)
    where = np.zeros((len(points), count), np.int64)
    for rows, columns in _tiles(len(points), len(others)):
        x, squares = _centered(points[rows], center)
        y, other_squares = _centered(others[columns], center)
        tile = np.c_[x, np.ones(len(x))] @ np.c_[-2 * y, other_squares].T
        closer = np.flatnonzero(tile.min(axis=1) + squares < far[rows].max(axis=1))
        tile = tile if len(closer) == len(tile) else tile[closer]
        tile += squares[closer, None]
        found = _smallest(tile, count)
        closer += rows.start
        values = np.c_[far[closer], np.take_along_axis(tile, found, 1)]
        indices = np.c_[where[closer], found + columns.start]
        best = _smallest(values, count)
        far[closer] = np.take_along_axis(values, best, 1)
        where[closer] = np.take_along_axis(indices, best, 1)
    return _measured(points, others, where)


def _smallest(values, count):
    """The columns of the smallest values of each row."""
    if count == 1:
        return values.argmin(axis=1)[:, None]
    if count >= values.shape[1]:
        return np.broadcast_to(np.arange(values.shape[1]), values.shape)
    return np.argpartition(values, count - 1, axis=1)[:, :count]


def _measured(points, others, where):
    """The squared distances to the others at these indices, and they, nearest first."""
    far = np.empty(where.shape)
    for rows, _ in _tiles(len(points), 1):
        start = np.float64(points[rows])
        for place, indices in enumerate(where[rows].T):
            step = start - others[indices]
            far[rows, place] = np.einsum("ij,ij->i", step, step)
    order = np.argsort(far, axis=1, kind="stable")
    return np.take_along_axis(far, order, 1), np.take_along_axis(where, order, 1)


def _tiles(rows, columns):
    """Yield the tiles of a matrix as two slices, row of tiles by row of tiles."""
    for top in range(0, rows, _ROWS):
        for left in range(0, columns, _COLUMNS):
            down, right = min(top + _ROWS, rows), min(left + _COLUMNS, columns)
            yield slice(top, down), slice(left, right)


def _radii(features, k, center, whose):
    """The squared distance of each sample to its k-th neighbour; it is one itself."""
    k = checks.neighbours(k, len(features), whose)
    return nearest(features, features, k + 1, center)[0][:, k]


def _slack(points, balls, radii, center, side):
    """Yield rows, columns, and by how far each point lies outside of each ball.

    Squared distance - squared radius, as one product of widened features:
    (x, |x|^2, 1) . (-2 y, 1, |y|^2 - r^2). `side` moves a tie to where the product's
    rounding cannot reach: +1 outside of the ball, -1 inside.
    """
    wider = 1 + side * _ROUNDING
    for rows, columns in _tiles(len(points), len(balls)):
        x, squares = _centered(points[rows], center)
        y, ball_squares = _centered(balls[columns], center)
        edge = wider * ball_squares - radii[columns]
        left = np.c_[x, wider * squares, np.ones(len(x))]
        yield rows, columns, left @ np.c_[-2 * y, np.ones(len(y)), edge].T


def _centered(features, center):
    x = np.float64(features) - center
    return x, np.einsum("ij,ij->i", x, x)
