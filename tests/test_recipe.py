"""Recipes: files, overrides, what makes another run, errors."""

import dataclasses
import re

import pytest
from conftest import VARIANTS

import ganzoo
from ganzoo import registry
from ganzoo.errors import GanzooError
from ganzoo.recipe import FILE_NAME, Recipe

VARIANT = VARIANTS[0]


@pytest.fixture
def recipe():
    model = {"latent_dim": 32, "penalties": [{"name": "r1", "gamma": 1.0}]}
    return Recipe(VARIANT, kimg=20, model=model, claim={"minutes": 3})


@pytest.fixture
def extra_tags(tmp_path, monkeypatch):
    """Tags of the first variant in a zoo of one's own."""
    for tag, seed in (("one", 1), ("two", 2)):
        folder = tmp_path / "zoo" / VARIANT / tag
        folder.mkdir(parents=True)
        Recipe(VARIANT, seed=seed).write(folder / FILE_NAME)
    monkeypatch.setenv("GANZOO_EXTRA", str(tmp_path))
    return tmp_path / "zoo" / VARIANT


# ------------------------------------------------------------------------- files


def test_a_file_holds_the_whole_recipe(recipe, tmp_path):
    file = tmp_path / FILE_NAME
    recipe.write(file)
    assert Recipe.read(file) == recipe
    assert Recipe.read(tmp_path) == recipe
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]


def test_writing_replaces_a_file_whole(recipe, tmp_path):
    file = tmp_path / FILE_NAME
    file.write_text("x" * 100_000)
    recipe.write(file)
    assert Recipe.read(file) == recipe


def test_a_place_that_cannot_be_written_to_is_a_clear_error(recipe, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(GanzooError, match="cannot write .*recipe.toml"):
        recipe.write(tmp_path / "file" / FILE_NAME)


def test_tuples_become_lists_so_that_files_are_equal(tmp_path):
    recipe = Recipe(VARIANT, model={"shape": (1, 2), "nested": {"x": (3,)}})
    recipe.write(tmp_path / "r.toml")
    assert Recipe.read(tmp_path / "r.toml") == recipe
    assert recipe.model == {"shape": [1, 2], "nested": {"x": [3]}}


def test_of_finds_tags_files_and_folders(extra_tags, recipe):
    assert Recipe.of(f"{VARIANT}.two").seed == 2
    assert Recipe.of(extra_tags / "one").seed == 1
    assert Recipe.of(str(extra_tags / "one")).seed == 1
    assert Recipe.of(str(extra_tags / "two" / FILE_NAME)).seed == 2
    assert Recipe.of(recipe) is recipe


def test_of_takes_a_folder_beside_one(extra_tags, monkeypatch):
    monkeypatch.chdir(extra_tags)
    assert Recipe.of("one").seed == 1
    (extra_tags / VARIANT).mkdir()
    Recipe(VARIANT, seed=9).write(extra_tags / VARIANT / FILE_NAME)
    assert Recipe.of(f"./{VARIANT}").seed == 9
    monkeypatch.chdir(extra_tags / "one")
    assert Recipe.of(FILE_NAME).seed == 1
    assert Recipe.of(".").seed == 1


def test_of_says_what_it_did_not_find(extra_tags, tmp_path):
    with pytest.raises(GanzooError, match=f"unknown tag of '{VARIANT}' 'tow'.*two"):
        Recipe.of(f"{VARIANT}.tow")
    with pytest.raises(GanzooError, match="unknown variant 'no_such_gan'"):
        Recipe.of("no_such_gan")
    with pytest.raises(GanzooError, match="there is no recipe at"):
        Recipe.of(tmp_path / "nothing.toml")
    with pytest.raises(GanzooError, match="there is no recipe at"):
        Recipe.of(tmp_path)


@pytest.mark.parametrize(
    "text, message",
    [
        ("variant = ", "Invalid value"),
        ('variant = "dcgan"\nkimmg = 3', "unknown recipe key 'kimmg'.*kimg"),
        ('variant = "dcgan"\nkimg = "long"', "kimg must be a number, received 'long'"),
        ('variant = "dcgan"\nseed = 1.5', "seed must be a whole number, received 1.5"),
        (
            'variant = "dcgan"\nseed = true',
            "seed must be a whole number, received True",
        ),
        ('variant = "dcgan"\nmodel = 3', "model must be a table, received 3"),
        ('variant = "dcgan"\n[model]\nx = 2020-01-01', r"model\.x must be a text"),
        ('dataset = "mnist"', "a recipe needs a variant"),
    ],
)
def test_a_file_that_is_no_recipe_is_named(tmp_path, text, message):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(
        GanzooError, match=r"bad\.toml is no valid recipe: .*" + message
    ):
        Recipe.read(file)


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "bad.toml").write_bytes(b"\x89HDF\xff\xfe")
    with pytest.raises(GanzooError, match=r"bad\.toml is no valid recipe"):
        Recipe.read(tmp_path / "bad.toml")


@pytest.mark.parametrize("name", registry.list_models("*.*"))
def test_every_recipe_of_the_zoo_is_valid(name):
    recipe = Recipe.of(name)
    assert recipe.variant == name.partition(".")[0]
    assert recipe.with_overrides(["model.seed=1"]).model["seed"] == 1


@pytest.mark.parametrize("name", registry.list_models(pretrained=True))
def test_published_weights_have_a_recipe_that_states_its_claim(name):
    assert Recipe.of(name).claim


# ------------------------------------------------------------------------ values


def test_whole_numbers_do_for_floats():
    recipe = Recipe(VARIANT, kimg=20)
    assert recipe.kimg == 20.0 and isinstance(recipe.kimg, float)


def test_a_recipe_does_not_change():
    model = {"penalties": ["r1"]}
    recipe = Recipe(VARIANT, model=model)
    model["penalties"].append("r2")
    assert recipe.model == {"penalties": ["r1"]}
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.kimg = 3.0


@pytest.mark.parametrize(
    "values, message",
    [
        ({"kimg": 0}, "kimg must be above 0 and finite, received 0.0"),
        ({"kimg": float("nan")}, "kimg must be above 0 and finite, received nan"),
        ({"kimg": float("inf")}, "kimg must be above 0 and finite, received inf"),
        ({"sample_kimg": -1}, "sample_kimg must be above 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, received 0"),
        ({"image_size": -1}, "image_size must be at least 0"),
        ({"channels": 2}, "channels must be 1 .grey., 3 .colour."),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": True}, "seed must be a whole number, received True"),
        ({"batch_size": 8.0}, "batch_size must be a whole number, received 8.0"),
        ({"dataset": 3}, "dataset must be a text, received 3"),
        ({"precision": "float64"}, "unknown precision 'float64'"),
        ({"precision": "float16"}, "each player would need a loss scale of its own"),
        ({"precision": "mixed_float16"}, "Use mixed_bfloat16 or float32"),
        ({"model": {"x": None}}, r"model\.x must be a text, a number.*received None"),
        ({"model": [1]}, r"model must be a table, received \[1\]"),
    ],
)
def test_impossible_values_are_refused(values, message):
    with pytest.raises(GanzooError, match=message):
        Recipe(VARIANT, **values)


# --------------------------------------------------------------------- overrides


def test_overrides_are_toml_or_bare_words(recipe):
    changed = recipe.with_overrides(
        [
            "kimg=0.5",
            "seed = 3",
            "dataset=fashion_mnist",
            "split=train[:1000]",
            'precision="mixed_bfloat16"',
            "model.loss=hinge",
            'model.penalties=[{name="r1", gamma=2.5}, "drift"]',
        ]
    )
    assert (changed.kimg, changed.seed) == (0.5, 3)
    assert (changed.dataset, changed.split) == ("fashion_mnist", "train[:1000]")
    assert changed.precision == "mixed_bfloat16"
    assert changed.model == {
        "latent_dim": 32,
        "loss": "hinge",
        "penalties": [{"name": "r1", "gamma": 2.5}, "drift"],
    }
    assert changed.claim == recipe.claim
    assert recipe.kimg == 20.0


@pytest.mark.parametrize("text", ["1234", "1999-12-31", "true", "a=b", "", "a b # c"])
def test_texts_stay_texts(recipe, text):
    assert recipe.with_overrides([f"dataset={text}"]).dataset == text


def test_a_whole_table_can_be_replaced(recipe):
    assert recipe.with_overrides(["model={}"]).model == {}
    assert recipe.with_overrides(["claim.gpu=no"]).claim == {"minutes": 3, "gpu": "no"}


def test_unknown_keys_offer_the_closest(recipe):
    with pytest.raises(GanzooError, match="unknown recipe key 'kimmg'. Did .*: kimg"):
        recipe.with_overrides(["kimmg=3"])
    with pytest.raises(GanzooError, match="unknown recipe key 'kimg.x'"):
        recipe.with_overrides(["kimg.x=3"])
    with pytest.raises(GanzooError, match="model.lattent_dim.*latent_dim"):
        recipe.with_overrides(["model.lattent_dim=3"])


@pytest.mark.parametrize(
    "override, message",
    [
        ("kimg", "an override is written key=value.*received 'kimg'"),
        ("kimg=long", "kimg must be a number, received 'long'"),
        ("kimg=", "kimg must be a number, received ''"),
        ("batch_size=0", "batch_size must be at least 1"),
        ("model=3", "model must be a table"),
        ('model.penalties=[{name="r1"', "is no valid TOML"),
        ("model.latent_dim=many", r"model\.latent_dim must be a whole number"),
    ],
)
def test_overrides_that_make_no_sense_are_refused(recipe, override, message):
    with pytest.raises(GanzooError, match=message):
        recipe.with_overrides([override])


# ------------------------------------------------------------------ the same run


def test_length_and_claim_make_no_other_run(recipe):
    longer = dataclasses.replace(
        recipe,
        kimg=99,
        sample_kimg=1,
        checkpoint_kimg=2,
        checkpoint_minutes=3,
        claim={},
    )
    assert recipe.differences(longer) == {}
    assert recipe.hash() == longer.hash()
    assert re.fullmatch("[0-9a-f]{12}", recipe.hash())


def test_differences_name_what_makes_another_run(recipe):
    other = recipe.with_overrides(["seed=7", "model.latent_dim=8", "model.loss=hinge"])
    assert recipe.differences(other) == {
        "seed": (0, 7),
        "model.latent_dim": (32, 8),
        "model.loss": (None, "hinge"),
    }
    assert recipe.hash() != other.hash()


def test_whole_floats_are_the_same_run():
    one, other = Recipe(VARIANT, model={"a": 1}), Recipe(VARIANT, model={"a": 1.0})
    assert one.differences(other) == {} and one.hash() == other.hash()


def test_the_front_door_has_it():
    assert ganzoo.Recipe is Recipe
