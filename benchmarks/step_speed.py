"""Speed of a training step: ganzoo's models against the same networks in plain PyTorch.

    python benchmarks/step_speed.py --variant r3gan --backend tensorflow --backend jax

Each side is a process of its own that lives through the run, and they take turns: a
few steps of one, a few of the next, round after round, while the others wait. So what
else the machine does falls on all alike, and each round gives one ratio.

Timed is what users train: the variant's recipe in the zoo, its data set's first batch.
On ganzoo's side that is `gan.fit` on a generator of batches, from the end of the first
step to that of the last; on PyTorch's the usual loop, which `torch_game.py` holds: it
is eager, channels last, and uses `torch.autocast` for bfloat16, where ganzoo uses
Keras's mixed_bfloat16. On a busy machine compare with --threads 1: see the README
beside this script.
"""

import itertools
import json
import math
import multiprocessing
import os
import statistics
import time
from pathlib import Path

import click

WARM_UP = 4
PRECISIONS = ("float32", "bfloat16")


# ---- the two sides: each in a process of its own, where it imports what it needs


def model_and_batch(recipe, stage):
    """Return the recipe's new model, at a stage if it grows, and a batch of its data.

    Stage -1 is the last one. It begins with its fade, whose layers stay to its end.
    """
    from ganzoo import training

    gan, images = training.build(recipe)
    batch = images.batch_at(0)
    if gan.grows:
        stage = gan.top if stage < 0 else stage
        seen = next(n for n in itertools.count(0, 1000) if gan.stage_at(n) == stage)
        gan.seen.assign(seen)
    return gan, batch


def facts_of(gan):
    """Return what both sides tell alike of the model that plays."""
    return {
        "shape": "x".join(map(str, gan.image_shape)),
        "stage": gan.stage,
        "period": math.lcm(*(penalty.every for penalty in gan.penalties)),
    }


def ganzoo_side(recipe, stage):
    """Return (run, facts); run(steps) takes so many steps and returns the seconds."""
    import keras

    gan, batch = model_and_batch(recipe, stage)

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, step, logs=None):
            # Reading the losses waits for a step that is still being computed.
            self.losses = [float(value) for value in logs.values()]
            if step == 0:
                self.start = time.perf_counter()
            self.seconds = time.perf_counter() - self.start

    def run(steps):
        clock = Clock()
        once = {"steps_per_epoch": steps + 1, "shuffle": False, "verbose": 0}
        gan.fit(((batch,) for _ in itertools.count()), **once, callbacks=[clock])
        return clock.seconds

    run(1)  # a model that grows enters its stage in the first step
    actives = gan.active_generator(), gan.active_discriminator()
    networks = [getattr(each, "network", each) for each in actives]
    return run, {
        "version": f"keras {keras.version()}",
        "parameters": [
            sum(math.prod(weight.shape) for weight in network.trainable_weights)
            for network in networks
        ],
        **facts_of(gan),
    }


def torch_side(recipe, stage):
    """Return (run, facts); run(steps) takes so many steps and returns the seconds."""
    import torch
    import torch_game

    gan, batch = model_and_batch(recipe, stage)
    gan.stage = gan.stage_at(int(gan.seen))
    bfloat16 = recipe.precision != "float32"
    game = torch_game.Game(
        gan, batch, torch.autocast("cpu", torch.bfloat16, enabled=bfloat16)
    )

    def run(steps):
        start = time.perf_counter()
        for _ in range(steps):
            game.step()
        return time.perf_counter() - start

    return run, {
        "version": f"torch {torch.__version__}",
        "parameters": [
            sum(weight.numel() for weight in network.parameters())
            for network in (game.generator, game.discriminator)
        ],
        **facts_of(gan),
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
        self.warm = self.seconds(WARM_UP)

    def seconds(self, steps):
        """Return the seconds of one step, of so many."""
        self.pipe.send(steps)
        return self.pipe.recv() / steps


def _work(pipe, make, settings):
    run, facts = make(*settings)
    pipe.send(facts)
    while steps := pipe.recv():
        pipe.send(run(steps))


def measure(recipe, stage, backends, threads, rounds, seconds):
    """Return the figures of all sides, PyTorch's first, after alternating rounds."""
    settings = (recipe, stage)
    sides = [Side("pytorch", torch_side, "torch", threads, settings)]
    for backend in backends:
        sides += [Side(f"ganzoo/{backend}", ganzoo_side, backend, threads, settings)]
    told = [{**side.facts, "version": ""} for side in sides]
    if any(facts != told[0] for facts in told):
        raise SystemExit(f"not the same networks: {told}")
    # Whole periods: a penalty may be due at each fourth step only.
    period = sides[0].facts["period"]
    steps = period * max(1, math.ceil(seconds / sides[0].warm / period))
    for _ in range(rounds):
        for side in sides:
            side.times.append(side.seconds(steps))
    for side in sides:
        side.pipe.send(0)
    facts = {"threads": threads, "rounds": rounds, "steps": steps}
    return [figures(side, sides[0]) | facts for side in sides]


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


# ---- what is asked for, and what is told


def recipes_of(variants, precisions, overrides):
    """Return the recipes: of each variant's first tag, in each precision."""
    from ganzoo import Recipe, registry

    for name in variants or registry.list_models():
        tag = name if "." in name else f"{name}.{registry.info(name).tags[0]}"
        recipe = Recipe.of(tag).with_overrides(overrides)
        for precision in precisions:
            mixed = {"bfloat16": "mixed_bfloat16"}.get(precision, precision)
            yield precision, recipe.with_overrides([f"precision={mixed}"])


def show(row):
    """Print one side's figures on a line."""
    low, high = row["speed_ratio_range"]
    click.echo(
        f"{row['variant']:16} {row['side']:18} {row['precision']:8} "
        f"{row['median_ms']:7.1f} ms (fastest {row['fastest_ms']:.1f})  "
        f"{row['speed_ratio']:.2f}x PyTorch ({low:.2f} to {high:.2f})  {row['version']}"
    )


def surroundings():
    """Return the day and the processor, as rows tell them."""
    from ganzoo.runs import environment

    told = environment()
    return {
        "date": told["date"][:10],
        "processor": f"{told['processor']}, {told['cpus']} cores",
    }


@click.command(help="Time a training step against plain PyTorch.")
@click.option("--variant", "variants", multiple=True, help="Or a tag; all by default.")
@click.option("--backend", "backends", multiple=True, default=["tensorflow"])
@click.option("--precision", "precisions", multiple=True, default=PRECISIONS)
@click.option("--set", "overrides", multiple=True, help="Of the recipe: key=value.")
@click.option("--stage", default=-1, help="Of a model that grows; -1 is the last.")
@click.option("--rounds", default=7, help="Turns that each side takes.")
@click.option("--seconds", default=2.0, help="Of one turn, about.")
@click.option("--threads", default=os.cpu_count() or 1, help="Threads of each side.")
@click.option("--append", type=Path, help="A .jsonl file that the rows go to.")
def main(
    variants, backends, precisions, overrides, stage, rounds, seconds, threads, append
):
    about = surroundings()
    for precision, recipe in recipes_of(variants, precisions, overrides):
        for row in measure(recipe, stage, backends, threads, rounds, seconds):
            row = {
                **about,
                "variant": recipe.variant,
                "overrides": list(overrides),
                "precision": precision,
                "batch": recipe.batch_size,
                **row,
            }
            show(row)
            if append:
                with append.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
