"""Cards: made from a tag's folder, read by the Hub, shown by `ganzoo info`."""

import importlib.machinery
import importlib.util
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tiny
import yaml
from commands import ROOT, ganzoo_
from huggingface_hub import ModelCard, ModelCardData

import ganzoo
from ganzoo import paths, registry
from ganzoo.benchmark.rows import Row
from ganzoo.errors import GanzooError
from ganzoo.hub import cards, listing, origins
from ganzoo.recipe import Recipe
from ganzoo.records import Tag

TAGS = registry.list_models("*.*", pretrained=True)
NETWORKS = sorted((ROOT / "zoo" / "feature_networks").glob("*/card.md"))
ENCODERS = sorted((ROOT / "zoo" / "text_encoders").glob("*/card.md"))
UNSEEN = ("cas", "r_precision", "caption_diversity")
each_tag = pytest.mark.parametrize("name", TAGS)


@pytest.fixture
def copied(tmp_path):
    """A tag's folder to change, as its record."""
    folder = tmp_path / "cgan" / "fashion_mnist"
    shutil.copytree(registry.tag_folder("cgan.fashion_mnist"), folder)
    return Tag.read("cgan.fashion_mnist", folder)


def head_of(text):
    return yaml.safe_load(text.split("---\n")[1])


def is_told(tag):
    return "text_encoder" in tag.config["config"]


def tool(name):
    """A tool without a suffix, as a module."""
    loader = importlib.machinery.SourceFileLoader(name, str(ROOT / "tools" / name))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(name, loader)
    )
    loader.exec_module(module)
    return module


def without_claim(tag, **recipe):
    kept = {key: value for key, value in tag.recipe.items() if key != "claim"}
    return replace(tag, recipe=kept | recipe)


# ------------------------------------------------------------------------- the zoo's


@each_tag
def test_the_published_card_is_what_its_folder_gives(name):
    tag = ganzoo.info(name)
    assert (tag.folder / "card.md").read_text(encoding="utf-8") == cards.card(tag)


@each_tag
def test_the_hub_reads_name_licence_data_and_scores(name):
    tag = ganzoo.info(name)
    text = cards.card(tag)
    data = ModelCard(text).data
    assert data.library_name == "keras" and data.license == "apache-2.0"
    task = "text-to-image" if is_told(tag) else "unconditional-image-generation"
    assert data.pipeline_tag == task
    assert data.model_name == name
    assert {"ganzoo", "gan", tag.variant} <= {*data.tags}
    scores = tag.recipe["claim"]["weights_scores"]
    read = {each.metric_name: each.metric_value for each in data.eval_results}
    assert read == {key: each for key, each in scores.items() if key != "cas_real"}
    for each in data.eval_results:
        assert each.dataset_type == data.datasets[0]
        assert each.dataset_split == ("test" if each.metric_type in UNSEEN else "train")
        network = each.metric_name.partition("[")[2].rstrip("]")
        assert each.metric_args.get("network", "") == network
    # What huggingface_hub writes of it is the same head again.
    assert yaml.safe_load(data.to_yaml()) == head_of(text)


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.parent.name)
def test_the_cards_of_feature_networks_have_a_head_too(path):
    data = ModelCard(path.read_text(encoding="utf-8")).data
    assert isinstance(data, ModelCardData) and data.license == "apache-2.0"
    assert data.pipeline_tag == "image-feature-extraction"


@pytest.mark.parametrize("path", ENCODERS, ids=lambda path: path.parent.name)
def test_the_cards_of_text_encoders_have_a_head_too(path):
    text = path.read_text(encoding="utf-8")
    data = ModelCard(text).data
    assert data.library_name == "keras" and data.license == "apache-2.0"
    assert data.pipeline_tag == "feature-extraction"
    assert "text-encoder" in data.tags and data.datasets == ["emoji_captions"]
    config = json.loads((path.parent / "config.json").read_text())
    assert f"{config['retrieval']['text_at_1']:.1%}" in text


@pytest.mark.parametrize("path", ENCODERS, ids=lambda path: path.parent.name)
def test_the_card_of_a_text_encoder_is_what_its_tool_writes(path, tmp_path):
    made, facts = (
        tool("text-encoder"),
        json.loads(path.with_name("config.json").read_text()),
    )
    settings = made.pairs.Settings.read(path.with_name("recipe.toml"))
    made.write_card(tmp_path / "card.md", facts, settings)
    assert (tmp_path / "card.md").read_text() == path.read_text()


@each_tag
def test_the_example_of_a_card_runs(name):
    (code,) = re.findall(r"```python\n(.*?)```", cards.card(ganzoo.info(name)), re.S)
    found = {}
    exec(code, found)
    shape = re.search(r"# uint8 (.*)", code)[1]
    assert str(found["images"].shape) == shape
    assert found["images"].dtype == np.uint8
    assert ("chosen" in found) == bool(found["gan"].num_classes)


@each_tag
def test_a_card_says_where_the_weights_are_from(name):
    tag = ganzoo.info(name)
    text, claim = cards.card(tag), tag.recipe["claim"]
    for told in (
        ganzoo.info(tag.variant).paper,
        f"| images seen | {claim['kimg']:g} thousand |",
        f"| time | {claim['minutes']:g} minutes |",
        claim["hardware"],
        f"| training seed | {tag.recipe.get('seed', 0)} |",
        f"| licence of the data | {tag.config['licence']['data']} |",
        "| licence of the weights | Apache-2.0 |",
        tag.config["weights"]["sha256"],
        tag.config["recipe_hash"],
        *claim["scored_at"],
        "![samples](samples.png)",
        "Not for decisions about people",
    ):
        assert told in text
    assert text.partition("## What it is bad at")[2].strip() != cards.UNKNOWN


def test_the_table_has_the_floor_beside_the_scores():
    text = cards.card(ganzoo.info("cgan.fashion_mnist"))
    claim = ganzoo.info("cgan.fashion_mnist").recipe["claim"]
    row = next(line for line in text.splitlines() if line.startswith("| `cas`"))
    real, own = claim["scores"]["cas_real"], claim["weights_scores"]["cas"]
    assert f"{real:.4g}" in row and f"{own:.4g} ± " in row
    assert "| `cas_real`" not in text
    assert "no number here is an FID" in " ".join(text.split())


# ------------------------------------------------------------------- from any folder


def test_what_a_person_wrote_of_its_faults_stays(copied):
    path = copied.folder / "card.md"
    path.write_text("# old\n\n## What it is bad at\n\nIts bags are shoes.\n")
    text = cards.card(copied)
    assert text.endswith("\n\n## What it is bad at\n\nIts bags are shoes.\n")
    path.write_text(text)
    assert cards.card(copied) == text
    path.unlink()
    assert cards.card(copied).endswith(f"{cards.UNKNOWN}\n")


def test_what_is_not_known_is_left_out(copied):
    (copied.folder / "samples.png").unlink()
    (copied.folder / paths.WEIGHTS).unlink()
    del copied.config["licence"]
    text = cards.card(without_claim(copied, dataset="my/pictures"))
    head = head_of(text)
    assert not {"license", "datasets", "model-index"} & {*head}
    assert head["tags"] == ["ganzoo", "gan", "cgan", "class-conditional"]
    assert "It learned from `my/pictures`" in text
    assert "licence of the data | not noted" in text
    for absent in ("## Scores", "| time", "| hardware", "samples.png", "None"):
        assert absent not in text


def test_without_scores_of_its_own_a_model_has_those_of_its_recipe(copied):
    claim = {"scores": {"fid": 12.5, "fd[x]": 5e-05}, "training_seeds": [0, 1]}
    text = cards.card(without_claim(copied, claim=claim))
    read = {each.metric_name: each.metric_value for each in model_index(text)}
    assert read == {"fid": 12.5, "fd[x]": 5e-05}
    assert "2 training seeds" in text
    assert "only `fid` is an FID" in " ".join(text.split())


def model_index(text):
    return ModelCard(text).data.eval_results


def test_no_text_of_a_recipe_breaks_the_head(copied):
    strange = 'a: b\n- "c" #d {e} \u2028 \u00fc'
    text = cards.card(
        without_claim(copied, dataset=strange, claim={"scores": {"x": 1}})
    )
    (result,) = head_of(text)["model-index"][0]["results"]
    assert result["dataset"]["type"] == strange


def test_a_data_set_is_published_with_its_licence_only():
    assert origins.licence("fashion_mini").startswith("MIT")
    with pytest.raises(GanzooError, match="the licence of 'faces' is not noted"):
        origins.licence("faces")


# ---------------------------------------------------------------------- ganzoo info


def test_info_prints_the_card_without_its_head():
    output = ganzoo_("info", "dcgan.fashion_mnist").output
    assert output.startswith("# dcgan.fashion_mnist\n")
    assert "model-index" not in output and "## What it is bad at" in output
    grid = re.search(r"^samples: (.*)$", output, re.MULTILINE)[1]
    assert (ROOT / "zoo/dcgan/fashion_mnist/samples.png").samefile(grid)


def test_info_as_json_has_config_recipe_and_listing():
    told = json.loads(ganzoo_("info", "dcgan.fashion_mnist", "--json").output)
    assert told["config"]["variant"] == told["recipe"]["variant"] == "dcgan"
    assert told["listing"]["sha256"] == told["config"]["weights"]["sha256"]


def test_a_tag_of_ones_own_needs_neither_card_nor_listing(tmp_path, monkeypatch):
    folder = tmp_path / "zoo" / "dcgan" / "mine"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text('variant = "dcgan"\n')
    monkeypatch.setenv("GANZOO_EXTRA", str(tmp_path))
    output = ganzoo_("info", "dcgan.mine").output
    assert "not published yet" in output
    assert json.loads(ganzoo_("info", "dcgan.mine", "--json").output)["listing"] == {}


# --------------------------------------------------------------------------- claims


@pytest.fixture(scope="module")
def claims():
    return tool("claims")


def row(metric, value, seed=0, **more):
    about = {"std": 0.3, "n_fake": 100, "sampler_seeds": "0 1"} | more
    return Row(suite="s", name="n", metric=metric, value=value, seed=seed, **about)


def test_a_claim_is_a_mean_and_keeps_the_weights_own_scores_apart(claims):
    rows = [
        row("fd[x]", 1.0, 0, weights_sha256="mine", commit="a" * 40),
        row("fd[x]", 1.8, 1, weights_sha256="other", commit="b" * 40, dirty=True),
        row("cas_real", 0.9, 0, weights_sha256="mine", commit="a" * 40),
    ]
    floor = [row("fd[x]", 0.1), row("kd[x]", 0.2)]
    claim = claims.claim_of(rows, floor, "mine")
    assert claim["training_seeds"] == [0, 1] and claim["sampler_seeds"] == [0, 1]
    assert claim["scores"] == {"fd[x]": 1.4, "cas_real": 0.9}
    assert claim["spread"]["fd[x]"] == pytest.approx(np.hypot(0.4 * 2**0.5, 0.3), 1e-4)
    assert claim["weights_scores"] == {"fd[x]": 1.0, "cas_real": 0.9}
    assert claim["weights_spread"]["fd[x]"] == 0.3
    assert claim["real"] == {"fd[x]": 0.1}
    assert claim["scored_at"] == ["a" * 12, "b" * 12 + "-dirty"]


def test_the_real_accuracy_is_the_floor_of_cas(claims):
    rows = [row("cas", 0.8), row("cas_real", 0.9)]
    assert claims.claim_of(rows, [], "mine")["real"] == {"cas": 0.9}


# ----------------------------------------------------------------------- publishing


@pytest.fixture
def run(tmp_path):
    """What a training leaves behind, without one."""
    recipe = Recipe("dcgan", dataset="mnist", seed=3)
    return run_of(tiny.create("dcgan"), recipe, tmp_path / "run")


def run_of(gan, recipe, folder):
    gan.save(folder)
    recipe.write(folder / "recipe.toml")
    environment = {
        "cpus": 2,
        "processor": "Slow",
        "backend": "jax",
        "versions": {"keras": "3.99"},
        "date": "2026-01-02T03:04:05Z",
        "commit": "c" * 40,
        "dirty": True,
    }
    (folder / "environment.json").write_text(json.dumps(environment))
    measured = {"seconds": 90, "kimg": 4.0, "diversity": 1.5}
    (folder / "metrics.jsonl").write_text(json.dumps(measured) + "\n")
    return folder


@pytest.fixture(scope="module")
def publish():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        yield importlib.import_module("tags").publish


def test_what_is_published_has_its_card_and_is_listed(publish, run, tmp_path):
    zoo = tmp_path / "zoo"
    folder = publish(run, "dcgan.tiny", zoo)
    tag = Tag.read("dcgan.tiny", folder)
    text = (folder / "card.md").read_text()
    assert text == cards.card(tag)
    for told in (
        "| time | 1.5 minutes |",
        "| hardware | 2 cores of Slow |",
        "| software | Keras 3.99, JAX |",
        "| training seed | 3 |",
        f"| code that trained it | commit `{'c' * 12}-dirty` |",
        "float16",
        "Census Bureau".lower(),
    ):
        assert told in text
    assert head_of(text)["datasets"] == ["ylecun/mnist"]
    assert tag.listing["licences"] == tag.config["licence"]
    assert listing.check(zoo) == []
    publish(run, "dcgan.second", zoo)
    assert [*listing.read(zoo)["tags"]] == ["dcgan.second", "dcgan.tiny"]


def test_data_of_unknown_licence_is_not_published(publish, run, tmp_path):
    Recipe("dcgan", dataset="faces").write(run / "recipe.toml")
    with pytest.raises(GanzooError, match="licence of 'faces'"):
        publish(run, "dcgan.tiny", tmp_path / "zoo")
    assert not [*(tmp_path / "zoo").rglob("*.*")]


# -------------------------------------------------------------------- text to image


CAPTIONS = ["red apple", *(f"flag: number {i}" for i in range(63))]
TOLD_SCORES = {
    "fd[emoji_captions-cnn]": 3.0,
    "r_precision[emoji_captions-judge]": 0.12,
    "caption_diversity[emoji_captions-cnn]": 0.4,
}


@pytest.fixture(scope="module")
def told(publish, tmp_path_factory):
    """A published tag that is told texts, in a zoo of its own, with scores."""
    base = tmp_path_factory.mktemp("told")
    sizes = {"channels": 8, "fusion_units": 8, "latent_dim": 16}
    shape = (28, 28, 1)
    gan = ganzoo.create("dfgan", image_shape=shape, captions=CAPTIONS, **sizes)
    recipe = Recipe("dfgan", dataset="emoji_captions")
    run = run_of(gan, recipe, base / "run")
    folder = publish(run, "dfgan.tiny", base / "zoo")
    tag = Tag.read("dfgan.tiny", folder)
    claim = {"scores": TOLD_SCORES, "weights_scores": TOLD_SCORES, "count": 100}
    return replace(tag, recipe=tag.recipe | {"claim": claim})


def test_a_tag_of_text_to_image_is_published_and_listed(told):
    zoo = told.folder.parents[1]
    assert listing.check(zoo) == []
    assert told.listing["text_encoder"] == "emoji_captions"
    assert told.listing["task"] == "text-to-image"
    assert told.listing["licences"]["weights"] == "Apache-2.0"
    for part in ("Apache-2.0", "OFL-1.1", "public domain", "Unicode License V3"):
        assert part in told.listing["licences"]["data"]


def test_the_card_of_text_to_image_says_how_to_ask_for_a_text(told):
    text = cards.card(told)
    head, words = head_of(text), " ".join(text.split())
    assert head["pipeline_tag"] == "text-to-image"
    assert head["license"] == "apache-2.0" and head["datasets"] == ["emoji_captions"]
    asked = 'text=["red apple", "smiling cat"], seed=7)  # uint8 (2, 28, 28, 1)'
    assert f"images = gan.generate({asked}" in text
    assert '`ganzoo sample dfgan.tiny --text "red apple" --seed 7`' in text
    assert "--count" not in text and "flag: number" not in text
    assert "read by the text encoder `emoji_captions`, a part of ganzoo" in words
    encoder = ROOT / "zoo/text_encoders/emoji_captions/config.json"
    found = json.loads(encoder.read_text())["retrieval"]["text_at_1"]
    assert f"the true caption of {found:.1%} of 385 held-out pictures" in words
    assert "each of the text below it, not chosen ones" in words
    for bias in ("skin tones", "man, woman or person", "flag of a country", "English"):
        assert bias in words
    assert "https://github.com/googlefonts/noto-emoji" in text


def test_scores_of_texts_are_of_unseen_captions_and_explained(told):
    text = cards.card(told)
    splits = {each.metric_type: each.dataset_split for each in model_index(text)}
    assert splits == {"fd": "train", "r_precision": "test", "caption_diversity": "test"}
    assert {each.task_type for each in model_index(text)} == {"text-to-image"}
    words = " ".join(text.split())
    assert "0.01 is chance" in words and "0 for always the same" in words
    plain = cards.card(ganzoo.info("dcgan.fashion_mnist"))
    assert "chance" not in plain and "text encoder" not in plain


def test_the_example_of_text_to_image_runs(told, monkeypatch):
    monkeypatch.setenv("GANZOO_EXTRA", str(told.folder.parents[2]))
    (code,) = re.findall(r"```python\n(.*?)```", cards.card(told), re.S)
    found = {}
    exec(code, found)
    assert str(found["images"].shape) == re.search(r"# uint8 (.*)", code)[1]


def test_without_words_of_the_data_the_captions_are_asked_for(told):
    text = cards.card(without_claim(told, dataset="my/pictures"))
    assert 'text=["red apple", "flag: number 0"], seed=7' in text
    bare = replace(told, config=json.loads(json.dumps(told.config)))
    bare.config["config"] |= {"captions": [], "text_encoder": "my-own"}
    text = cards.card(without_claim(bare, dataset="my/pictures"))
    assert 'text=["red apple"], seed=7)  # uint8 (1, 28, 28, 1)' in text
    assert "`my-own`, which is none of the zoo's" in " ".join(text.split())
