"""Speed of a training step: ganzoo's DCGAN against the same networks in plain PyTorch.

    python benchmarks/step_speed.py --backend tensorflow --backend jax

Each side is a process of its own that lives through the run, and they take turns: a
few steps of one, a few of the next, round after round, while the others wait. So what
else the machine does falls on all alike, and each round gives one ratio.

Timed is, on ganzoo's side, `gan.fit` on a generator of batches, from the end of the
first step to that of the last; on PyTorch's the usual loop. One step is an update of
the discriminator on a real batch and a fake one, an update of the generator on new
fakes, and one of the generator's average. The PyTorch side is eager, channels last,
and uses `torch.autocast` for bfloat16, where ganzoo uses Keras's mixed_bfloat16.
On a busy machine compare with --threads 1: see the README beside this script.
"""

import itertools
import json
import math
import multiprocessing
import os
import statistics
import time

import click

LATENT_DIM = 100
WARM_UP = 4
PRECISIONS = ("float32", "bfloat16")


# ---- ganzoo's side


def ganzoo_side(shape, channels, batch, precision):
    """Return (run, facts); run(steps) takes so many steps and returns the seconds."""
    import keras
    import numpy as np

    import ganzoo

    if precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    how = {"image_shape": shape, "channels": channels, "latent_dim": LATENT_DIM}
    gan = ganzoo.create("dcgan", **how)
    images = np.random.default_rng(0).uniform(-1, 1, (batch, *shape)).astype("float32")

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, step, logs=None):
            # Reading the losses waits for a step that is still being computed.
            self.losses = [float(value) for value in logs.values()]
            if step == 0:
                self.start = time.perf_counter()
            self.seconds = time.perf_counter() - self.start

    def batches():
        while True:
            yield ({"image": images},)

    def run(steps):
        clock = Clock()
        once = {"steps_per_epoch": steps + 1, "shuffle": False, "verbose": 0}
        gan.fit(batches(), **once, callbacks=[clock])
        return clock.seconds

    return run, {
        "version": f"keras {keras.version()}",
        "parameters": [
            sum(math.prod(weight.shape) for weight in network.trainable_weights)
            for network in (gan.generator, gan.discriminator)
        ],
    }


# ---- PyTorch's side


def torch_networks(shape, channels):
    """Return the generator and the discriminator, channels last."""
    import torch
    from torch import nn

    from ganzoo.layers.basic import doublings

    count, (height, width) = doublings(shape)
    widths = [channels << i for i in range(count)]
    make, judge = [], [nn.Conv2d(shape[2], channels, 5, 2, 2), nn.LeakyReLU(0.2)]
    for small, large in itertools.pairwise(widths):
        judge += [nn.Conv2d(small, large, 5, 2, 2, bias=False)]
        judge += [nn.BatchNorm2d(large), nn.LeakyReLU(0.2)]
        up = nn.ConvTranspose2d(large, small, 5, 2, 2, output_padding=1, bias=False)
        make = [up, nn.BatchNorm2d(small), nn.ReLU(), *make]
    first = (widths[-1], height, width)
    start = [
        nn.Linear(LATENT_DIM, math.prod(first), bias=False),
        nn.Unflatten(1, first),
    ]
    start += [nn.BatchNorm2d(widths[-1]), nn.ReLU()]
    last = nn.ConvTranspose2d(channels, shape[2], 5, 2, 2, output_padding=1)
    networks = (
        nn.Sequential(*start, *make, last, nn.Tanh()),
        nn.Sequential(*judge, nn.Flatten(), nn.Linear(math.prod(first), 1)),
    )
    return [each.to(memory_format=torch.channels_last) for each in networks]


def torch_side(shape, channels, batch, precision):
    """Return (run, facts); run(steps) takes so many steps and returns the seconds."""
    import torch
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    generator, discriminator = networks = torch_networks(shape, channels)
    g_optimizer, d_optimizer = (
        torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999))
        for network in networks
    )
    average = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(0.99))
    softplus = torch.nn.functional.softplus
    real = torch.rand(batch, shape[2], *shape[:2]) * 2 - 1
    real = real.to(memory_format=torch.channels_last)
    cast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")

    def move(loss, optimizer):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def imagine():
        return generator(torch.rand(batch, LATENT_DIM) * 2 - 1)

    def step():
        with cast:
            with torch.no_grad():
                fake = imagine()
            real_logits, fake_logits = discriminator(real), discriminator(fake)
            loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()
        move(loss, d_optimizer)
        # As in ganzoo, the generator's turn takes no gradient of D's weights.
        discriminator.requires_grad_(False)
        with cast:
            loss = softplus(-discriminator(imagine())).mean()
        move(loss, g_optimizer)
        discriminator.requires_grad_(True)
        average.update_parameters(generator)

    def run(steps):
        start = time.perf_counter()
        for _ in range(steps):
            step()
        return time.perf_counter() - start

    return run, {
        "version": f"torch {torch.__version__}",
        "parameters": [sum(w.numel() for w in each.parameters()) for each in networks],
    }


# ---- the rounds


class Side:
    """A process that takes steps when it is told to."""

    def __init__(self, name, make, backend, threads, settings):
        self.name, self.times = name, []
        os.environ["KERAS_BACKEND"] = backend
        os.environ["OMP_NUM_THREADS"] = str(threads)
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        spawn.Process(target=_work, args=(theirs, make, settings), daemon=True).start()
        theirs.close()
        self.facts = self.pipe.recv()
        self.seconds(WARM_UP)

    def seconds(self, steps):
        """Return the seconds of one step, of so many."""
        self.pipe.send(steps)
        return self.pipe.recv() / steps


def _work(pipe, make, settings):
    run, facts = make(*settings)
    pipe.send(facts)
    while steps := pipe.recv():
        pipe.send(run(steps))


def measure(precision, backends, threads, rounds, steps, settings):
    """Return the figures of all sides, PyTorch's first, after alternating rounds."""
    settings = (*settings, precision)
    sides = [Side("pytorch", torch_side, "torch", threads, settings)]
    for backend in backends:
        sides += [Side(f"ganzoo/{backend}", ganzoo_side, backend, threads, settings)]
    if len({str(side.facts["parameters"]) for side in sides}) > 1:
        raise SystemExit(f"not the same networks: {[s.facts for s in sides]}")
    for _ in range(rounds):
        for side in sides:
            side.times.append(side.seconds(steps))
    for side in sides:
        side.pipe.send(0)
    return [figures(side, sides[0]) | {"precision": precision} for side in sides]


def figures(side, base):
    """Return one side's times of a step, and its speed over the base's."""
    ratios = [b / s for b, s in zip(base.times, side.times, strict=True)]
    return {
        "side": side.name,
        "median_ms": round(1000 * statistics.median(side.times), 2),
        "fastest_ms": round(1000 * min(side.times), 2),
        "steps_per_second": round(1 / statistics.median(side.times), 2),
        "speed_ratio": round(statistics.median(ratios), 3),
        "speed_ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
        **side.facts,
    }


def show(row):
    """Print one side's figures on a line."""
    low, high = row["speed_ratio_range"]
    click.echo(
        f"{row['side']:18} {row['precision']:8} {row['steps_per_second']:6.2f} steps/s "
        f"{row['median_ms']:6.1f} ms (fastest {row['fastest_ms']:.1f})  "
        f"{row['speed_ratio']:.2f}x PyTorch ({low:.2f} to {high:.2f})  {row['version']}"
    )


@click.command(help="Time a training step of DCGAN against plain PyTorch.")
@click.option("--backend", "backends", multiple=True, default=["tensorflow"])
@click.option("--precision", "precisions", multiple=True, default=PRECISIONS)
@click.option("--shape", default="28x28x1", help="Height x width x channels.")
@click.option("--channels", default=64, help="Width of the largest feature map.")
@click.option("--batch", default=64, help="Images in a batch.")
@click.option("--rounds", default=7, help="Turns that each side takes.")
@click.option("--steps", default=15, help="Steps in one turn.")
@click.option("--threads", default=os.cpu_count() or 1, help="Threads of each side.")
def main(backends, precisions, shape, channels, batch, rounds, steps, threads):
    settings = (tuple(map(int, shape.split("x"))), channels, batch)
    facts = {"shape": shape, "channels": channels, "batch": batch, "threads": threads}
    click.echo(f"DCGAN, {shape}, width {channels}, batch {batch}, {threads} threads")
    for precision in precisions:
        for row in measure(precision, backends, threads, rounds, steps, settings):
            show(row)
            click.echo(json.dumps(row | facts | {"rounds": rounds, "steps": steps}))


if __name__ == "__main__":
    main()
