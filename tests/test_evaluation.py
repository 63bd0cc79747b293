"""Scores of whole models and of planted faults, and what evaluate refuses."""

import json

import numpy as np
import pytest
import tiny

from ganzoo import data
from ganzoo.errors import GanzooError
from ganzoo.evaluation import draw_neighbours, evaluate
from ganzoo.metrics import networks, references, samples, table
from ganzoo.metrics.checks import FewSamples

pytestmark = pytest.mark.filterwarnings("ignore::ganzoo.metrics.checks.FewSamples")
EVERYTHING = ["fd", "kd", "prdc", "authenticity"]


@pytest.fixture(scope="module")
def train():
    return data.load("fashion_mini", batch_size=1)


@pytest.fixture(scope="module")
def test():
    return data.load("fashion_mini", "test", batch_size=1)


@pytest.fixture(scope="module")
def floor(test):
    """Scores of real test pictures: what a perfect model would get."""
    return by_name(evaluate(test, "fashion_mini", EVERYTHING))


def by_name(scores):
    return {score.metric.partition("[")[0]: score.value for score in scores}


def scores_of(images, metrics=EVERYTHING):
    return by_name(evaluate(images, "fashion_mini", metrics))


# ------------------------------------------------------------------ planted faults


def test_real_pictures_score_well(floor):
    assert floor["precision"] > 0.6 and floor["recall"] > 0.6
    assert floor["density"] > 0.7 and floor["authenticity"] > 0.4


def test_collapse_to_one_picture_is_caught(test, floor):
    one = np.repeat(np.asarray(test.fields["image"][:1]), 300, axis=0)
    found = scores_of(one)
    assert found["recall"] < 0.02 and found["coverage"] < 0.02
    assert found["fd"] > 5 * floor["fd"]


def test_noise_is_caught(floor):
    noise = np.random.default_rng(0).integers(0, 256, (300, 28, 28, 1), "uint8")
    found = scores_of(noise)
    assert found["fd"] > 5 * floor["fd"] and found["kd"] > 5 * abs(floor["kd"])
    assert found["precision"] < 0.05 and found["density"] < 0.05


def test_copies_of_the_training_pictures_are_caught(train, floor):
    found = scores_of(np.asarray(train.fields["image"][::2]))
    assert found["fd"] < floor["fd"]
    assert found["authenticity"] < 0.02 < floor["authenticity"]


def test_a_missing_class_is_caught(train, test, floor):
    kept = np.asarray(test.fields["label"]) != 5
    found = scores_of(np.asarray(test.fields["image"])[kept])
    assert found["coverage"] < floor["coverage"] - 0.05
    assert found["fd"] > 1.2 * floor["fd"]


def test_scores_worsen_with_noise_and_with_dropped_classes(test):
    images, labels = (np.asarray(test.fields[name]) for name in ("image", "label"))
    rng = np.random.default_rng(0)

    def noisy(level):
        noise = rng.normal(0, level, images.shape)
        return np.clip(images + noise, 0, 255).astype("uint8")

    for steps in (
        [noisy(level) for level in (0, 20, 60)],
        [images[labels < most] for most in (10, 6, 2)],
    ):
        values = [scores_of(step, ["fd"])["fd"] for step in steps]
        assert values == sorted(values), values


# ----------------------------------------------------------------------- the models


def test_a_model_is_scored_over_its_sampler_seeds():
    gan = tiny.create("dcgan")
    scores = evaluate(gan, "fashion_mini", ["fd", "prdc"], count=200, seeds=[3, 4])
    assert [score.metric for score in scores] == [
        f"{name}[fashion_mnist-cnn]"
        for name in ("fd", "precision", "recall", "density", "coverage")
    ]
    fd = scores[0]
    assert fd.seeds == [3, 4] and len(set(fd.values)) == 2
    assert fd.value == pytest.approx(np.mean(fd.values))
    assert fd.std == pytest.approx(np.std(fd.values, ddof=1))
    assert (fd.n_real, fd.n_fake, fd.resize) == (1600, 200, "none")
    assert json.loads(scores.to_json())[0]["network_sha256"] == fd.network_sha256
    assert "fashion_mnist-cnn" in str(scores) and "lower" in str(scores)


def test_a_published_model_comes_near_to_real_pictures(floor):
    found = by_name(evaluate("dcgan", "fashion_mini", EVERYTHING, count=300, seeds=[0]))
    assert found["precision"] > 0.4 and found["recall"] > 0.2
    assert found["fd"] < 10 * floor["fd"]


def test_a_score_is_the_same_each_time():
    gan = tiny.create("dcgan")
    first, second = (
        evaluate(gan, "fashion_mini", ["fd", "kd"], count=100, seeds=[0])
        for _ in range(2)
    )
    assert [each.value for each in first] == [each.value for each in second]


def test_conditional_models_draw_the_labels_of_the_data():
    gan = tiny.create("cgan", class_names=list("abcdefghij"))
    labels = np.array([2, 7], "int32")
    drawn = samples.draw(
        gan, networks.get("fashion_mnist-cnn"), 64, keep=50, labels=labels
    )
    assert (
        set(drawn.labels) == {2, 7} and len(drawn.labels) == len(drawn.features) == 50
    )
    assert drawn.moments.count == 64


def test_scores_of_the_classes_need_labels(test):
    found = evaluate(test, "fashion_mini", ["intra_fd"])
    assert found[0].value > 0
    with pytest.raises(GanzooError, match="draws what it is told"):
        evaluate(tiny.create("dcgan"), "fashion_mini", ["intra_fd"], count=50)


def test_cas_stands_beside_that_of_real_pictures(train, test):
    from ganzoo.metrics import cas

    gan = tiny.create("cgan", class_names=list("abcdefghij"))
    found = cas.classification_accuracy(gan, train, test)
    assert found.generated < 0.4 < found.real
    with pytest.raises(GanzooError, match="cgan"):
        cas.classification_accuracy(tiny.create("dcgan"), train, test)


def test_pictures_stand_beside_their_neighbours(tmp_path, train):
    copies = np.asarray(train.fields["image"][:4])
    far = draw_neighbours(copies, tmp_path / "near.png", "fashion_mini", count=4)
    assert far.shape == (4, 3) and far[:, 0].max() < 1e-2 < far[:, 1].min()
    assert (tmp_path / "near.png").stat().st_size > 1000


# --------------------------------------------------------------------- the refusals


def test_too_few_pictures_are_warned_of(test):
    with pytest.warns(FewSamples):
        evaluate(np.asarray(test.fields["image"][:20]), "fashion_mini", ["fd"])


@pytest.mark.parametrize(
    "how, message",
    [
        ({"metrics": ["fdd"]}, "Did you mean: fd"),
        ({"metrics": ["fid", "fd"]}, "one after the other"),
        ({"metrics": ["fid"], "network": "mnist-cnn"}, "inception-2015"),
        ({"network": "vgg"}, "feature network"),
        ({"seeds": [1, 1]}, "different"),
        ({"seeds": []}, "one or more"),
    ],
)
def test_bad_requests_are_refused(test, how, message):
    with pytest.raises(GanzooError, match=message):
        evaluate(test, "fashion_mini", **how)


def test_other_pictures_than_a_network_takes_are_refused():
    with pytest.raises(GanzooError, match="uint8"):
        evaluate(np.zeros((60, 28, 28, 1), "float32"), "fashion_mini", ["fd"])
    with pytest.raises(GanzooError, match="1 channel"):
        networks.get("mnist-cnn").features(np.zeros((2, 28, 28, 3), "uint8"))
    with pytest.raises(GanzooError, match="Name a data set"):
        evaluate(np.zeros((60, 28, 28, 1), "uint8"))


def test_statistics_of_another_network_or_rule_are_refused(tmp_path, test):
    judge = networks.get("fashion_mnist-cnn")
    path = tmp_path / "real.npz"
    references.cached(judge, test).write(path)
    same = evaluate(np.asarray(test.fields["image"]), path, ["fd"])
    assert abs(same[0].value) < 1e-6
    with pytest.raises(GanzooError, match="two networks"):
        evaluate(test, path, ["fd"], network="mnist-cnn")
    small = np.zeros((80, 14, 14, 1), "uint8")
    with pytest.raises(GanzooError, match="resize rule"):
        evaluate(small, path, ["fd"])
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(GanzooError, match="no statistics"):
        evaluate(test, path, ["fd"])


def test_features_of_real_pictures_are_computed_once(monkeypatch, test):
    judge = networks.get("mnist-cnn")
    first = references.cached(judge, test)
    monkeypatch.setattr(references, "measure", None)
    second = references.cached(judge, test)
    assert np.array_equal(first.features, second.features)
    changed = {**test.fields, "label": np.asarray(test.fields["label"])[::-1]}
    monkeypatch.setattr(test, "fields", changed)
    with pytest.raises(TypeError):  # other data: they are measured anew
        references.cached(judge, test)


def test_published_names_belong_to_inception():
    chosen, published = table.selected(["fid", "kid"])
    assert [each.name for each in chosen] == ["fd", "kd"] and published
    assert table.full_name("fd", networks.INCEPTION) == "fid"
    assert table.full_name("recall", networks.INCEPTION) == "recall[inception-2015]"
    assert table.full_name("fd", "mnist-cnn") == "fd[mnist-cnn]"
