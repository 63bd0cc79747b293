"""Speed of the Fréchet distance: ganzoo's against scipy's square root of a matrix.

    python benchmarks/frechet_speed.py

Both get the same moments of two sets of 2048 features, as wide as Inception's, and
take turns, round after round, so that what else the machine does falls on both. Told
are the medians over the rounds, in seconds by the clock and in seconds of processor
time, which says more on a busy machine. scipy is needed for this script, not for
ganzoo.
"""

import json
import os
import statistics
import time

import click


def sets(dims, samples):
    """Return moments of two sets whose features correlate and fade, as a network's."""
    import numpy as np

    from ganzoo.metrics.moments import Moments

    rng = np.random.default_rng(0)
    mix = rng.standard_normal((dims, dims)) / np.sqrt(dims)
    mix *= np.exp(-np.arange(dims) / (dims / 4))[:, None]
    found = []
    for scale in (1.0, 1.1):
        moments = Moments(dims)
        for _ in range(0, samples, 1024):
            features = scale * rng.standard_normal((1024, dims)) @ mix + 0.3
            moments.update(features.clip(0))
        found.append(moments)
    return found


def by_square_root(one, two):
    """The form of the older libraries: the trace of sqrtm(S1 S2)."""
    import numpy as np
    import scipy.linalg

    first, second = one.covariance, two.covariance
    step = one.mean - two.mean
    root = np.trace(scipy.linalg.sqrtm(first @ second)).real
    return float(step @ step + np.trace(first) + np.trace(second) - 2 * root)


def timed(work, *arguments):
    """Return the seconds of a call by the clock and of a processor, and its result."""
    start, used = time.perf_counter(), time.process_time()
    result = work(*arguments)
    return time.perf_counter() - start, time.process_time() - used, result


def figures(ours, theirs, column):
    """Return median seconds of both sides, and the ratios of the rounds."""
    sides = [[each[column] for each in side] for side in (ours, theirs)]
    ratios = [b / a for a, b in zip(*sides, strict=True)]
    return {
        "ganzoo_seconds": round(statistics.median(sides[0]), 3),
        "sqrtm_seconds": round(statistics.median(sides[1]), 3),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_range": [round(min(ratios), 2), round(max(ratios), 2)],
    }


@click.command(help="Time the Fréchet distance against scipy's square root.")
@click.option("--dims", default=2048, help="Features a sample.")
@click.option("--samples", default=20480, help="Samples of either side.")
@click.option("--rounds", default=3, help="Turns that each side takes.")
@click.option("--threads", default=1, help="Threads of each side.")
def main(dims, samples, rounds, threads):
    # Read by the linear algebra library when numpy is imported.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    import numpy
    import scipy

    from ganzoo.metrics.frechet import frechet_distance

    moments = sets(dims, samples)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(timed(frechet_distance, *moments))
        theirs.append(timed(by_square_root, *moments))
    row = {
        "clock": figures(ours, theirs, 0),
        "processor": figures(ours, theirs, 1),
        "distance": ours[0][2],
        "relative_difference": abs(ours[0][2] / theirs[0][2] - 1),
    }
    for kind in ("clock", "processor"):
        ganzoo, sqrtm, ratio, (low, high) = row[kind].values()
        click.echo(
            f"{kind:9}  ganzoo {ganzoo:.2f} s, sqrtm {sqrtm:.2f} s: {ratio:.1f} times "
            f"as fast ({low:.1f} to {high:.1f})"
        )
    click.echo(f"relative difference {row['relative_difference']:.1e}")
    facts = {"dims": dims, "samples": samples, "threads": threads, "rounds": rounds}
    versions = {"numpy": numpy.__version__, "scipy": scipy.__version__}
    click.echo(json.dumps(row | facts | versions))


if __name__ == "__main__":
    main()
