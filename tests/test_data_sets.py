"""tensorflow-datasets as a source: small data sets of awkward kinds, made here."""

import os
import shutil

import numpy as np
import pytest

import ganzoo.data
from ganzoo.data import cache, pixels, prepared
from ganzoo.errors import GanzooError

tfds = pytest.importorskip("tensorflow_datasets")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache of its own for every test, no prepared data, and no network."""
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GANZOO_OFFLINE", "1")
    monkeypatch.delenv("GANZOO_DATA", raising=False)
    return tmp_path / "home"


def prepare(folder, features, examples, name="made", config=None):
    """Write a small data set as tensorflow-datasets does."""
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": enumerate(examples)},
        config=config,
        data_dir=folder,
        disable_shuffling=True,
    )


def pictures(*shapes):
    random = np.random.default_rng(0)
    return [random.integers(0, 256, shape, np.uint8) for shape in shapes]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with small data sets of every awkward kind."""
    features = tfds.features
    folder = tmp_path_factory.mktemp("prepared")
    several = pictures((9, 12, 3), (20, 16, 3))
    prepare(
        folder,
        {
            "image": features.Image(shape=(None, None, 3)),
            "label": features.ClassLabel(names=["no", "yes"]),
            "nested": {
                "name": features.Text(),
                "size": features.Tensor(shape=(2,), dtype=np.float32),
                "inner": {"big": features.Scalar(dtype=np.int64)},
            },
            "boxes": features.Sequence(features.Scalar(dtype=np.int32)),
        },
        [
            {
                "image": image,
                "label": -1 if number else 1,
                "nested": {
                    "name": f"näme {number}",
                    "size": image.shape[:2],
                    "inner": {"big": 2**40 + number},
                },
                "boxes": [1] * number,
            }
            for number, image in enumerate(several)
        ],
        name="several_sizes",
    )
    prepare(
        folder,
        {"picture": features.Image(shape=(4, 4, 1)), "text": features.Text()},
        [{"picture": pictures((4, 4, 1))[0], "text": "a"}],
        name="no_image",
    )
    for config in ("small", "large"):
        prepare(
            folder,
            {"image": features.Image(shape=(4, 4, 4))},
            [{"image": pictures((4, 4, 4))[0]}],
            name="two_configs",
            config=config,
        )
    return folder


@pytest.fixture
def small(made, monkeypatch):
    monkeypatch.setenv("GANZOO_DATA", str(made))
    return made


# Awkward data sets


def test_sizes_that_differ_need_image_size(small):
    with pytest.raises(GanzooError, match=r"no fixed shape.*\(None, None, 3\).*=64"):
        ganzoo.data.load("several_sizes", batch_size=1)
    images = ganzoo.data.load("several_sizes", image_size=8, batch_size=2)
    expected = [
        pixels.fit_picture(each, 8) for each in pictures((9, 12, 3), (20, 16, 3))
    ]
    assert np.array_equal(images.fields["image"], expected)


def test_nested_text_big_numbers_ragged_and_missing_labels(small):
    images = ganzoo.data.load("several_sizes", image_size=8, batch_size=2)
    assert images.texts == {"nested/name": ["näme 0", "näme 1"]}
    assert images.fields["nested/inner/big"].tolist() == [2**40, 2**40 + 1]
    assert images.fields["nested/size"].tolist() == [[9, 12], [20, 16]]
    assert "boxes" not in images.fields
    # One label is -1, which means that there is none.
    assert "label" not in images.fields and images.num_classes == 0


def test_transparency_of_a_data_set_is_put_on_white(small):
    images = ganzoo.data.load("two_configs/large", batch_size=1)
    (picture,) = pictures((4, 4, 4))
    assert images.name == "two_configs/large"
    assert np.array_equal(images.fields["image"][0], pixels.fit_picture(picture))


def test_no_feature_image_names_the_features(small):
    with pytest.raises(GanzooError) as caught:
        ganzoo.data.load("no_image", batch_size=1)
    for part in ("needs a feature 'image'", "missing", "picture, text", "Choose"):
        assert part in str(caught.value)


def test_configs_and_their_default(small, made, monkeypatch, tmp_path):
    metadata = made / "two_configs" / ".config"
    assert prepared.find(prepared.parse("two_configs/small"))[0].version == "1.0.0"
    copy = tmp_path / "copy"
    shutil.copytree(made / "two_configs", copy / "two_configs")
    shutil.rmtree(copy / "two_configs" / metadata.name, ignore_errors=True)
    monkeypatch.setenv("GANZOO_DATA", str(copy))
    with pytest.raises(GanzooError, match="Accepted: large, small.*'two_configs/large"):
        ganzoo.data.load("two_configs", batch_size=1)
    (copy / "two_configs" / ".config").mkdir()
    (copy / "two_configs" / ".config" / "metadata.json").write_text(
        '{"default_config_name": "small"}'
    )
    assert ganzoo.data.load("two_configs", batch_size=1).name == "two_configs/small"
    shutil.rmtree(copy / "two_configs" / "small")
    shutil.rmtree(copy / "two_configs" / ".config")
    assert ganzoo.data.load("two_configs", batch_size=1).name == "two_configs/large"


def test_folders_are_searched_in_their_order(small, made, monkeypatch, tmp_path):
    monkeypatch.setenv("GANZOO_DATA", f"{tmp_path}{os.pathsep}{made}")
    assert ganzoo.data.load("two_configs/small", batch_size=1).num_examples == 1
    assert prepared.names() == ["no_image", "several_sizes", "two_configs"]


def test_newest_version_that_fits(small, made, monkeypatch, tmp_path):
    for version in ("1.9.0", "1.10.0", "2.0.0", "3.0.0"):
        (tmp_path / "d" / "set" / version).mkdir(parents=True)
        if version != "3.0.0":
            (tmp_path / "d" / "set" / version / "dataset_info.json").touch()
    monkeypatch.setenv("GANZOO_DATA", str(tmp_path / "d"))
    for text, version in (
        ("set", "2.0.0"),
        ("set:1.*.*", "1.10.0"),
        ("set/1.9.0",) * 2,
    ):
        found = prepared.find(prepared.parse(text))
        assert found[0].version == version.removeprefix("set/")
    assert prepared.find(prepared.parse("set:3.0.0")) is None


# Errors


def refused(*parts, **arguments):
    with pytest.raises(GanzooError) as caught:
        ganzoo.data.load(**{"batch_size": 1, **arguments})
    for part in parts:
        assert part in str(caught.value)


def test_unknown_data_set_offers_close_names(small):
    refused(
        "unknown data set 'fashion_mnis'",
        "Did you mean: fashion_mnist, fashion_mini",
        "Accepted: ",
        "no_image, several_sizes, two_configs",
        "list_builders()",
        source="fashion_mnis",
    )
    refused("Did you mean: several_sizes", source="several_size")


def test_unknown_data_set_with_a_folder_of_that_name(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_pictures").mkdir()
    refused("For the folder of that name, write './my_pictures'", source="my_pictures")


@pytest.mark.parametrize("split", ["nope", "train[", "train[5:2]", "train[:0]"])
def test_unknown_or_empty_split(small, split):
    refused("two_configs", repr(split), source="two_configs/small", split=split)
    assert cache.entries() == []


def test_unknown_split_says_what_there_is(small):
    refused(
        "has no split 'test'",
        "Accepted: 'train'",
        source="two_configs/small",
        split="test",
    )


def test_unknown_version_or_config(small):
    refused("mnist:9.9.9", "Leave config and version", source="mnist:9.9.9")
    refused("Prepared here of 'mnist': none", source="mnist/no_such_config")


def test_offline_says_so(small):
    refused("GANZOO_OFFLINE is set", "GANZOO_DATA", source="mnist")


def test_failing_download_says_so(small, monkeypatch):
    monkeypatch.delenv("GANZOO_OFFLINE")

    def fail(self, **_):
        raise ConnectionError("no route")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    refused("could not be downloaded", "no route", "network", source="mnist")
    assert cache.entries() == []


class LocalToy(tfds.core.GeneratorBasedBuilder):
    """A data set that tensorflow-datasets can make without a network."""

    VERSION = tfds.core.Version("1.2.3")

    def _info(self):
        features = {"image": tfds.features.Image(shape=(4, 4, 1))}
        features = tfds.features.FeaturesDict(features)
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(6), "test": self._generate_examples(2)}

    def _generate_examples(self, count):
        for number in range(count):
            yield number, {"image": pictures((4, 4, 1))[0]}


def test_download_goes_home_and_is_found_there(home, monkeypatch, capfd):
    monkeypatch.delenv("GANZOO_OFFLINE")
    images = ganzoo.data.load("local_toy", batch_size=2)
    assert images.num_examples == 6 and images.version == "1.2.3"
    assert (home / "tfds" / "local_toy" / "1.2.3" / "dataset_info.json").is_file()
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", None)
    assert ganzoo.data.load("local_toy", "test", batch_size=2).num_examples == 2
    assert capfd.readouterr().out == ""


def test_cut_records_are_named(small, made, monkeypatch, tmp_path):
    copy = tmp_path / "cut"
    shutil.copytree(made / "several_sizes", copy / "several_sizes")
    (record,) = (copy / "several_sizes" / "1.0.0").glob("*.tfrecord*")
    os.truncate(record, record.stat().st_size - 5)
    monkeypatch.setenv("GANZOO_DATA", str(copy))
    refused("cannot be read from", "again", source="several_sizes", image_size=8)
    (copy / "several_sizes" / "1.0.0" / "features.json").write_text("{")
    refused("cannot be opened", "again", source="several_sizes", image_size=4)
    assert cache.entries() == []
