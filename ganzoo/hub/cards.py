"""The card of a tag, `card.md`, made from the files of its folder.

It comes from `recipe.toml` with its `[claim]`, `config.json`, the weight file's size,
and what is noted of the data set. Only "What it is bad at" is written by a person: it
is taken over from the card that is there.

A claim holds what a training left behind (`hardware`, `minutes`, `backend`, `commit`)
and, once the tag was scored, by metric: `scores` with their `spread` over all training
seeds, `weights_scores` with their `weights_spread` of the published weights alone, and
`real`, what real pictures score. `scored_at` are the commits that measured them.
"""

import textwrap
from collections.abc import Iterator
from typing import Any

import h5py

from ganzoo import paths, registry
from ganzoo.hub import origins, text_cards, weights
from ganzoo.recipe import Recipe
from ganzoo.records import Tag

__all__ = ["CARD", "UNKNOWN", "card", "metadata"]

CARD = "card.md"
UNKNOWN = "Nobody has looked closely yet."  # until a person writes of its faults
_FAILURES = "## What it is bad at"
# The Hub has no task for pictures of a class: those models are of the first one too.
_PIPELINES = {
    "image": ("unconditional-image-generation", "Unconditional image generation"),
    "text-to-image": ("text-to-image", "Text to image"),
    "image-to-image": ("image-to-image", "Image to image"),
    "attribute-editing": ("image-to-image", "Image to image"),
    "molecule": ("graph-ml", "Graph generation"),
}
_BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
_UNSEEN = ("cas", "r_precision", "caption_diversity")  # scores of the test split
# These names mean another thing on the Hub, where classifiers have them.
_METRICS = {"precision": "improved_precision", "recall": "improved_recall"}


def card(tag: Tag) -> str:
    """Return the whole text of a tag's card: a head of YAML, and Markdown.

    Raises: `GanzooError` for a variant that is not known, and a recipe that is none.

    Example:
        >>> print(card(ganzoo.info("dcgan.fashion_mnist")))
    """
    import yaml

    head = yaml.safe_dump(
        metadata(tag), sort_keys=False, allow_unicode=True, width=1000
    )
    recipe = Recipe.from_dict(tag.recipe)
    parts = [
        *_introduction(tag, recipe),
        *_use(tag, recipe),
        *_purpose(recipe),
        *_data(tag, recipe),
        "## Training",
        _table(_facts(tag, recipe)),
        *_scores(recipe.claim),
        _FAILURES,
        _failures(tag),
    ]
    return f"---\n{head}---\n\n" + "\n\n".join(parts) + "\n"


# ---------------------------------------------------------------------------- the head


def metadata(tag: Tag) -> dict[str, Any]:
    """Return what the Hugging Face Hub reads at the head of a card.

    The keys are those of huggingface.co/docs/hub/model-cards; scores are a model-index.

    Example:
        >>> metadata(ganzoo.info("dcgan.fashion_mnist"))["license"]
        'apache-2.0'
    """
    recipe, record = Recipe.from_dict(tag.recipe), registry.info(tag.variant)
    origin = origins.find(recipe.dataset)
    labels = ["class-conditional"] if tag.config["config"].get("num_classes") else []
    licence = tag.config.get("licence", {}).get("weights", "")
    values = {
        "library_name": "keras",
        "license": licence.lower(),
        "pipeline_tag": _PIPELINES[record.tasks[0]][0],
        "datasets": [origin.hub or recipe.dataset] if origin else [],
        "tags": [*dict.fromkeys(["ganzoo", "gan", tag.variant, *labels])],
        "model-index": _model_index(tag, recipe, record),
    }
    return {key: value for key, value in values.items() if value}


def _model_index(tag, recipe, record):
    """The scores of these weights, or of all seeds where theirs are not apart."""
    claim = recipe.claim
    scores = claim.get("weights_scores") or claim.get("scores", {})
    origin = origins.find(recipe.dataset)
    pipeline, title = _PIPELINES[record.tasks[0]]
    results = []
    for split in ("train", "test"):
        metrics = [
            _metric(name, value, claim)
            for name, value in scores.items()
            if _split(name) == split and name != "cas_real"
        ]
        dataset = {
            "type": (origin and origin.hub) or recipe.dataset,
            "name": origin.title if origin else recipe.dataset,
            "split": split,
        }
        task = {"type": pipeline, "name": title}
        if metrics:
            results.append({"task": task, "dataset": dataset, "metrics": metrics})
    return [{"name": tag.name, "results": results}] if results else []


def _split(metric):
    """The pictures that a score is held against: some ask for unseen ones.

    The others compare with what was learned from, as the literature does.
    """
    return "test" if metric.startswith(_UNSEEN) else "train"


def _metric(name, value, claim):
    kind, _, network = name.partition("[")
    # What is asked of held-out captions has counts of its own.
    count = None if kind in _UNSEEN[1:] else claim.get("count")
    how = {"network": network.rstrip("]"), "count": count}
    how = {key: each for key, each in how.items() if each}
    told = {"type": _METRICS.get(kind, kind), "name": name, "value": value}
    return told | ({"args": how} if how else {})


# ---------------------------------------------------------------------------- the body


def _filled(text):
    return textwrap.fill(text, 88, break_long_words=False, break_on_hyphens=False)


def _introduction(tag, recipe) -> Iterator[str]:
    record, origin = registry.info(tag.variant), origins.find(recipe.dataset)
    config = tag.config["config"]
    height, width, channels = config["image_shape"]
    what = f"[{origin.title}]({origin.page})" if origin else f"`{recipe.dataset}`"
    kind = f" of {origin.kind}" if origin else ""
    told = bool(config.get("text_encoder"))
    labelled = bool(config.get("num_classes"))
    chosen = ", of the class that is asked for" if labelled else ""
    chosen = ", each of what a text says" if told else chosen
    yield f"# {tag.name}"
    yield _filled(
        f"{record.title} ({_linked(record.paper)}, {record.year}). It draws "
        f"{'grey' if channels == 1 else 'colour'} pictures{kind} of {height}x{width} "
        f"pixels{chosen}, and learned that from {what}."
    )
    if (tag.folder / "samples.png").exists():
        yield "![samples](samples.png)"
        of_texts = ", each of the text below it" if told else ""
        yield _filled(
            f"The grid holds the first pictures of seed 0{of_texts}, not chosen ones."
        )


def _linked(paper):
    site, _, number = paper.partition(":")
    return f"[{paper}](https://arxiv.org/abs/{number})" if site == "arXiv" else paper


def _use(tag, recipe) -> Iterator[str]:
    config = tag.config["config"]
    texts = text_cards.asked(config, recipe.dataset)
    shape = (len(texts) or 16, *config["image_shape"])
    lines = [
        "```python",
        "import ganzoo",
        "",
        f'gan = ganzoo.load("{tag.name}")',
        f"images = gan.generate({text_cards.call(texts)}, seed=7)  # uint8 {shape}",
    ]
    if names := config.get("class_names"):
        lines.append(f'chosen = gan.generate(labels=["{names[0]}"] * 16, seed=7)')
    yield "\n".join([*lines, "```"])
    how = f'--text "{texts[0]}"' if texts else "--count 64"
    yield f"On the command line: `ganzoo sample {tag.name} {how} --seed 7`."
    if texts:
        yield _filled(text_cards.encoder(config["text_encoder"]))


def _purpose(recipe) -> Iterator[str]:
    origin = origins.find(recipe.dataset)
    yield "## What it is for"
    yield _filled(
        "Research and teaching: as a baseline, to look at latents, to try out scores "
        "and losses on something that loads at once. Its pictures may also fill up a "
        "training set or stand in for real ones in tests of software; see under Scores "
        "and at the end of this card how far they are from real ones."
    )
    unfit = f" Here that means, among others: {origin.unfit}." if origin else ""
    yield _filled(
        "Not for decisions about people or things, not as evidence of anything, and "
        f"not where a picture could be taken for a real one to somebody's harm.{unfit}"
    )


def _data(tag, recipe) -> Iterator[str]:
    origin = origins.find(recipe.dataset)
    licence = tag.config.get("licence", {})
    yield "## Data and licences"
    if origin:
        yield _filled(f"{origin.title}: {origin.about} {origin.biases}")
        yield "The generator has these limits too: it draws what it was shown."
    else:
        yield f"It learned from `{recipe.dataset}`, of which no more is noted here."
    yield _table(
        {
            "licence of the data": licence.get("data", "not noted"),
            "licence of the weights": licence.get("weights", "not noted"),
        }
    )


def _facts(tag, recipe) -> dict[str, str]:
    """The rows of the table of the training; what is not known has none."""
    claim, config = recipe.claim, tag.config
    rows = {
        "images seen": _with_unit(config.get("kimg"), "{:g} thousand"),
        "time": _with_unit(claim.get("minutes"), "{:g} minutes"),
        "hardware": claim.get("hardware"),
        "software": _software(claim),
        "date": claim.get("date"),
        "trained by": _with_unit(claim.get("command"), "`{}`"),
        "training seed": str(recipe.seed),
        "code that trained it": _commits([claim.get("commit")]) or "not noted",
        "code that scored it": _commits(claim.get("scored_at", [])),
        "recipe": _with_unit(config.get("recipe_hash"), "`recipe.toml`, hash `{}`"),
    }
    path = tag.folder / paths.WEIGHTS
    if path.exists():
        rows["numbers in the generator"] = f"{weights.inspect(path):,}"
        rows["weights"] = f"{path.stat().st_size / 1e6:.2f} MB, {_precision(path)}"
    rows["sha256"] = f"`{config['weights']['sha256']}`"
    return {key: value for key, value in rows.items() if value}


def _precision(path):
    found = set()
    with h5py.File(path, "r") as file:
        file.visititems(lambda _, each: found.add(str(getattr(each, "dtype", ""))))
    return " and ".join(sorted(kind for kind in found if "float" in kind))


def _with_unit(value, template):
    return "" if value is None else template.format(value)


def _software(claim):
    backend = _BACKENDS.get(claim.get("backend"), "")
    keras = _with_unit(claim.get("keras"), "Keras {}")
    return ", ".join(filter(None, [keras, backend]))


def _commits(commits):
    return ", ".join(f"commit `{each}`" for each in commits if each)


def _table(rows):
    lines = (f"| {key} | {value} |" for key, value in rows.items())
    return "\n".join(["| | |", "|---|---|", *lines])


# -------------------------------------------------------------------------- the scores


def _scores(claim) -> Iterator[str]:
    if not claim.get("scores"):
        return
    seeds = claim.get("training_seeds", [])
    yield "## Scores"
    yield _filled(_basis(claim, seeds))
    yield _scores_table(claim, f"{len(seeds)} training seeds" if seeds[1:] else "")
    yield _filled(" ".join(_notes(claim, seeds)))


def _basis(claim, seeds):
    samplers = ", ".join(map(str, claim.get("sampler_seeds", [])))
    trained = ", ".join(map(str, seeds))
    return (
        f"Means over the sampler seeds {samplers}, {claim.get('count', 0):,} pictures "
        f"each. Training seed{'s' * (len(seeds) > 1)}: {trained}."
    )


def _notes(claim, seeds):
    """How the table is to be read."""
    kinds = {metric.partition("[")[0] for metric in claim["scores"]}
    yield '"Real" is what real test pictures score against training ones: the floor.'
    if "cas" in kinds:
        yield "For `cas` it is what a classifier of real pictures scores."
    yield from text_cards.score_notes(kinds)
    yield "A score carries its feature network:"
    yield "only `fid` is an FID." if "fid" in kinds else "no number here is an FID."
    yield "The spread is over sampler seeds" + (
        ", in the last column over training seeds too." if seeds[1:] else "."
    )
    yield "Rows: `benchmarks/results`."


def _scores_table(claim, across):
    from tabulate import tabulate

    scores, spread = claim["scores"], claim.get("spread", {})
    own = claim.get("weights_scores", {}), claim.get("weights_spread", {})
    lines = [
        (
            f"`{metric}`",
            _cell(metric, claim.get("real", {}), {}),
            _cell(metric, *own),
            *([_cell(metric, scores, spread)] if across else []),
        )
        for metric in scores
        if metric != "cas_real"
    ]
    heads = ("score", "real", "these weights", *([across] if across else []))
    return tabulate(lines, heads, "github", disable_numparse=True)


def _cell(metric, values, spread):
    if metric not in values:
        return ""
    more = f" ± {spread[metric]:.2g}" if metric in spread else ""
    return f"{values[metric]:.4g}{more}"


# ------------------------------------------------------------------------ the failures


def _failures(tag):
    path = tag.folder / CARD
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return text.partition(_FAILURES)[2].strip() or UNKNOWN
