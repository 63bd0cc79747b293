"""Tags of the zoo, written from finished runs: weights, config, recipe, grid, card."""

import json
import shutil
from pathlib import Path

import numpy as np
import tomli_w

from ganzoo import data, hub, paths, pictures, records
from ganzoo.benchmark.halves import halved
from ganzoo.errors import GanzooError
from ganzoo.hub import cards, listing, origins
from ganzoo.recipe import FILE_NAME, Recipe
from ganzoo.runs import read_metrics


def difference(run: Path, folder: Path) -> int:
    """The largest difference of a pixel, in grey levels, that half precision makes."""
    exact, half = (hub.load(each).generate(64, seed=0) for each in (run, folder))
    return int(np.abs(exact.astype(int) - half.astype(int)).max())


def claim(run: Path, recipe: Recipe, name: str) -> dict:
    """What a run's own files say of it."""
    environment = json.loads((run / "environment.json").read_text())
    last = read_metrics(run)[-1]
    cores = f"{environment['cpus']} cores of {environment['processor']}"
    return {
        "hardware": environment.get("device") or cores,
        "backend": environment["backend"],
        "keras": environment["versions"]["keras"],
        "minutes": round(last["seconds"] / 60, 1),
        "kimg": last["kimg"],
        "date": environment["date"][:10],
        "command": f"ganzoo train {name}",
        "diversity": last["diversity"],
        **commit_of(environment),
    }


def commit_of(environment: dict) -> dict:
    """The code that trained, as a claim has it; nothing outside a checkout."""
    if not environment.get("commit"):
        return {}
    dirty = "-dirty" if environment.get("dirty") else ""
    return {"commit": environment["commit"][:12] + dirty}


def write_recipe(path: Path, recipe: Recipe, told: dict) -> None:
    """Put the claim into the recipe file, whose comments stay."""
    text = path.read_text() if path.exists() else ""
    text = text.split("[claim]")[0].rstrip()
    if not text:
        text = tomli_w.dumps(recipe.to_dict() | {"claim": {}}).split("[claim]")[0]
    path.write_text(f"{text}\n\n{tomli_w.dumps({'claim': told})}")
    assert not Recipe.read(path).differences(recipe), "the zoo's recipe is another"


def refuse_other(folder: Path, run: Path, name: str) -> bool:
    """Whether the tag has this run's weights already.

    A tag that has weights keeps them: names of weights are never used again. So does
    the recipe of a tag that has none yet.
    """
    config = folder / hub.CONFIG
    if config.exists():
        mine = json.loads((run / hub.CONFIG).read_text())["weights"]["sha256"]
        theirs = json.loads(config.read_text())
        if mine in (theirs["weights"]["sha256"], theirs.get("trained_sha256")):
            return True
        raise GanzooError(
            f"{name} has other weights already ({theirs['weights']['sha256'][:12]}, "
            f"these are {mine[:12]}). A tag is never used again: publish these under "
            "a new one."
        )
    if (folder / FILE_NAME).exists():
        told = Recipe.read(folder).differences(Recipe.read(run))
        if told:
            raise GanzooError(
                f"{name} has another recipe ({', '.join(told)} differ). Publish these "
                "weights under a new tag."
            )
    return False


def publish(run: Path, name: str, zoo: Path | None = None, *, again: bool = False):
    """Write the tag's folder, as a whole or not at all, list it, and return it.

    `again` lets a run of the tag's own recipe take the place of its weights, before
    they were ever released. None is returned where these weights are there already.

    Raises: `GanzooError` for a tag that has other weights or another recipe.
    """
    variant, tag = name.split(".")
    zoo = zoo or paths.zoo()
    folder = zoo / variant / tag
    if not again and refuse_other(folder, run, name):
        return None
    building = folder.with_name(f".{tag}.building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        for kept in folder.glob("*"):
            shutil.copyfile(kept, building / kept.name)
        fill(run, name, building)
        shutil.rmtree(folder, ignore_errors=True)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    listing.write(zoo)
    return folder


def draw_samples(gan, path, recipe, count):
    """The grid of a tag: of texts, held-out ones with what they say below."""
    if not gan.told_text:
        images = gan.generate(count, seed=0)
        return pictures.save_grid(path, images, columns=10, scale=2)
    texts = data.load(recipe.dataset, "test").texts[gan.caption]
    texts = texts[:: len(texts) // 64][:64]
    images = gan.generate(text=texts, seed=0)
    return pictures.save_grid(path, images, columns=8, texts=texts)


def fill(run, name, folder):
    """Write all files of a tag; what is noted in recipe and card stays."""
    recipe = Recipe.read(run)
    told = claim(run, recipe, name)
    write_recipe(folder / FILE_NAME, recipe, told)
    halved(run / hub.WEIGHTS, folder / hub.WEIGHTS)
    gan = hub.load(run)
    config = json.loads((run / hub.CONFIG).read_text())
    trained = config.get("trained_sha256", config["weights"]["sha256"])
    origin = {
        "kimg": told["kimg"],
        "licence": {"weights": "Apache-2.0", "data": origins.licence(recipe.dataset)},
        "recipe_hash": recipe.hash(),
        "trained_sha256": trained,
    }
    hub.write_config(gan, folder, **origin)
    count = 10 * gan.num_classes or 100
    draw_samples(hub.load(folder), folder / "samples.png", recipe, count)
    (folder / cards.CARD).write_text(cards.card(records.Tag.read(name, folder)))
