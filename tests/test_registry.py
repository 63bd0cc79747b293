"""The registry: listing without imports, names, tags, errors."""

import json
import os
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import VARIANTS

import ganzoo
from ganzoo import paths, records, registry
from ganzoo.errors import GanzooError

MODULE = '''
"""A stand-in for a variant."""

from ganzoo.registry import register


class Base:
    def __init__(self, *, image_shape, latent_dim=8, loss="hinge"):
        self.arguments = dict(image_shape=image_shape, latent_dim=latent_dim, loss=loss)


@register(
    "{name}",
    title="A fake (one)",
    paper="arXiv:0000.00000",
    year=2020,
    tasks=("image", "text-to-image"),
    conditional=True,
    default_tag="small",
)
class Fake(Base):
    def __init__(self, *, depth: int = 3, latent_dim=16, **kwargs):
        super().__init__(latent_dim=latent_dim, **kwargs)
        self.depth = depth
'''


@pytest.fixture
def extra(tmp_path, monkeypatch):
    """A root with the variant `fakegan`; of its tags, `big` has published weights."""
    root = tmp_path / "extra"
    (root / "variants").mkdir(parents=True)
    (root / "variants" / "fakegan.py").write_text(MODULE.format(name="fakegan"))
    for tag in ("small", "big"):
        folder = root / "zoo" / "fakegan" / tag
        folder.mkdir(parents=True)
        (folder / "recipe.toml").write_text('variant = "fakegan"\nkimg = 5.0\n')
    config = {"format": 1, "weights": {"sha256": "ab", "bytes": 3}}
    published = root / "zoo" / "fakegan" / "big" / "config.json"
    published.write_text(json.dumps(config))
    monkeypatch.setenv("GANZOO_EXTRA", str(root))
    monkeypatch.setattr(registry, "_classes", dict(registry._classes))
    yield root
    for name in [each for each in sys.modules if "fakegan" in each]:
        del sys.modules[name]


def run_python(code):
    """The output of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ----------------------------------------------------------------------- listing


def test_the_package_brings_variants():
    assert VARIANTS
    assert ganzoo.list_models() == sorted(VARIANTS)


def test_every_variant_is_the_class_that_its_source_says(variant):
    cls = registry.get_class(variant)
    record = ganzoo.info(variant)
    assert issubclass(cls, ganzoo.GAN)
    assert (record, cls) == registry._classes[variant]
    assert record == records.scan()[variant]


def test_every_variant_has_a_record_worth_reading(variant):
    record = ganzoo.info(variant)
    assert 2014 <= record.year <= 2030
    assert len(record.title) > 5
    assert record.paper in str(record) and record.title in str(record)
    assert not record.default_tag or record.default_tag in record.tags


def test_listing_imports_no_backend_and_no_variant(extra):
    loaded = run_python(
        """
        import sys, ganzoo
        assert "fakegan" in ganzoo.list_models()
        str(ganzoo.info("fakegan")), str(ganzoo.info("fakegan.big"))
        heavy = {"keras", "tensorflow", "jax", "torch", "numpy"}
        print(heavy & set(sys.modules), "ganzoo.variants.fakegan" in sys.modules)
        """
    )
    assert loaded == "set() False"


def test_listing_thirty_long_modules_is_quick(extra):
    filler = "\n".join(f"VALUE_{i} = [each for each in range({i})]" for i in range(250))
    for i in range(30):
        name = f"fakegan_{i}"
        text = MODULE.format(name=name) + filler
        (extra / "variants" / f"{name}.py").write_text(text)
    start = time.perf_counter()
    assert len(ganzoo.list_models("fakegan_*")) == 30
    assert time.perf_counter() - start < 0.5  # about 0.02 on an idle machine


def test_list_models_takes_a_glob_and_a_task(extra):
    assert ganzoo.list_models("fake*") == ["fakegan"]
    assert ganzoo.list_models("fake*", task="text-to-image") == ["fakegan"]
    assert ganzoo.list_models("fake*", task="molecule") == []
    assert ganzoo.list_models("*", pretrained=False) == ganzoo.list_models()


def test_list_models_lists_tags(extra):
    assert ganzoo.list_models("fakegan.*") == ["fakegan.big", "fakegan.small"]
    assert ganzoo.list_models("*.big") == ["fakegan.big"]
    for pattern in ("fake*", "fakegan", "fakegan.*"):
        assert ganzoo.list_models(pattern, pretrained=True) == ["fakegan.big"]


def test_an_unknown_task_names_the_accepted_ones():
    with pytest.raises(GanzooError, match="Did you mean: text-to-image"):
        ganzoo.list_models(task="text2image")


def test_a_file_that_changes_is_read_again(extra):
    assert ganzoo.info("fakegan").year == 2020
    file = extra / "variants" / "fakegan.py"
    file.write_text(file.read_text().replace("year=2020", "year=1999 "))
    assert ganzoo.info("fakegan").year == 1999


def test_a_class_of_a_script_is_listed_and_created(extra):
    @ganzoo.register("scriptgan", title="Mine", paper="none", year=2026, tasks="image")
    class ScriptGAN:
        def __init__(self, *, size=1):
            self.size = size

    assert "scriptgan" in ganzoo.list_models(task="image")
    assert ganzoo.create("scriptgan", size=2).size == 2
    assert ganzoo.info("scriptgan").module == __name__


# ------------------------------------------------------------------ registering


def register_fake(name, **changes):
    arguments = dict(title="t", paper="p", year=2020) | changes
    return ganzoo.register(name, **arguments)


def test_a_name_can_be_given_once(extra):
    register_fake("twice")(type("First", (), {}))
    with pytest.raises(GanzooError, match="'twice' is taken by a class of"):
        register_fake("twice")(type("Second", (), {}))


def test_the_same_class_may_be_registered_again(extra):
    register_fake("again")(type("Same", (), {}))
    register_fake("again")(type("Same", (), {}))


def test_a_variant_that_is_not_imported_yet_keeps_its_name(extra):
    with pytest.raises(
        GanzooError, match="taken by a class of ganzoo.variants.fakegan"
    ):
        register_fake("fakegan")(type("Mine", (), {}))


@pytest.mark.parametrize("name", ["", "My GAN", "../x", "a.b", "9lives", None])
def test_malformed_names_are_refused(name):
    with pytest.raises(GanzooError, match="a variant's name is made of a-z"):
        register_fake(name)(type("Any", (), {}))


def test_an_unknown_task_is_refused_at_registration():
    with pytest.raises(GanzooError, match="unknown task 'images'"):
        register_fake("x", tasks=("images",))(type("Any", (), {}))


def test_two_files_with_one_name_are_an_error(extra):
    (extra / "variants" / "other.py").write_text(MODULE.format(name="fakegan"))
    with pytest.raises(GanzooError, match="two files register the variant 'fakegan'"):
        ganzoo.list_models()


def test_two_modules_with_one_file_name_are_an_error(extra, monkeypatch):
    second = extra.parent / "second"
    (second / "variants").mkdir(parents=True)
    (second / "variants" / "fakegan.py").write_text(MODULE.format(name="othergan"))
    monkeypatch.setenv("GANZOO_EXTRA", f"{extra}{os.pathsep}{second}")
    with pytest.raises(
        GanzooError, match="two modules of variants are named 'fakegan'"
    ):
        ganzoo.list_models()


@pytest.mark.parametrize(
    "change", ["year=YEAR", "yeer=2020", "year=2020, tasks=('x',)", "year="]
)
def test_a_registration_that_cannot_be_read_names_its_file(extra, change):
    file = extra / "variants" / "fakegan.py"
    text = file.read_text().replace('    tasks=("image", "text-to-image"),\n', "")
    file.write_text(text.replace("year=2020", change))
    with pytest.raises(GanzooError, match=r"fakegan\.py cannot be read"):
        ganzoo.list_models()


def test_a_variant_that_does_not_register_itself_is_an_error(extra):
    file = extra / "variants" / "fakegan.py"
    file.write_text(file.read_text() + "\n\nfrom ganzoo import registry\n"
                    "del registry._classes['fakegan']\n")  # fmt: skip
    with pytest.raises(GanzooError, match="did not register 'fakegan'"):
        registry.get_class("fakegan")


# -------------------------------------------------------------------------- tags


def test_split_name(extra):
    assert registry.split_name("fakegan.big") == ("fakegan", "big")
    assert registry.split_name("fakegan") == ("fakegan", "small")


def test_tag_folder(extra):
    assert registry.tag_folder("fakegan.big") == extra / "zoo" / "fakegan" / "big"
    assert registry.tag_folder("fakegan").name == "small"
    assert ganzoo.info("fakegan").tags == ["small", "big"]


@pytest.mark.parametrize(
    "name", ["../../etc", "fakegan/big", "fakegan.", "fakegan.a.b", ".big", "", None, 3]
)
def test_path_tricks_in_names_are_refused(extra, name):
    for function in (registry.split_name, registry.tag_folder, ganzoo.info):
        with pytest.raises(GanzooError, match="a model's name is 'variant'"):
            function(name)


def test_unknown_names_offer_the_closest(extra):
    with pytest.raises(
        GanzooError, match="unknown variant 'fakgan'. Did you mean: fake"
    ):
        ganzoo.info("fakgan")
    with pytest.raises(GanzooError, match="unknown tag of 'fakegan' 'bigg'. .*: big"):
        ganzoo.info("fakegan.bigg")
    with pytest.raises(GanzooError, match="unknown variant 'nothing'"):
        registry.get_class("nothing")
    with pytest.raises(GanzooError, match="unknown variant 'nothing'"):
        registry.tag_folder("nothing.at_all")


def test_a_variant_without_default_tag_says_so(extra):
    file = extra / "variants" / "fakegan.py"
    file.write_text(file.read_text().replace('    default_tag="small",\n', ""))
    assert registry.split_name("fakegan") == ("fakegan", "")
    with pytest.raises(
        GanzooError, match="no default tag. .*fakegan.big, fakegan.small"
    ):
        registry.tag_folder("fakegan")


def test_info_of_a_tag_holds_its_files(extra):
    tag = ganzoo.info("fakegan.big")
    assert tag.config["weights"] == {"sha256": "ab", "bytes": 3}
    assert tag.recipe == {"variant": "fakegan", "kimg": 5.0}
    assert "weights.sha256" in str(tag) and "kimg" in str(tag)


def test_info_names_the_file_that_is_broken(extra):
    (extra / "zoo" / "fakegan" / "big" / "config.json").write_text("{")
    with pytest.raises(GanzooError, match=r"config\.json cannot be read"):
        ganzoo.info("fakegan.big")


def test_every_root_of_the_setting_is_searched(extra):
    assert paths.zoos() == [paths.zoo(), extra / "zoo"]
    assert paths.variant_dirs()[1:] == [extra / "variants"]


# ---------------------------------------------------------------------- creating


def test_create_hands_arguments_on(extra):
    fake = ganzoo.create("fakegan", image_shape=(8, 8, 1), depth=2, loss="minimax")
    assert fake.depth == 2
    assert fake.arguments == {
        "image_shape": (8, 8, 1), "latent_dim": 16, "loss": "minimax",
    }  # fmt: skip


def test_arguments_come_from_all_constructors(extra):
    cls = registry.get_class("fakegan")
    assert set(registry.accepted_arguments(cls)) == {
        "depth", "latent_dim", "image_shape", "loss",
    }  # fmt: skip
    assert registry.defaults(cls) == {"depth": 3, "latent_dim": 16, "loss": "hinge"}


def test_a_closed_constructor_hides_those_of_its_bases(extra):
    class Closed(registry.get_class("fakegan")):
        def __init__(self, *, width=1):
            super().__init__(image_shape=(width, width, 1))

    assert set(registry.accepted_arguments(Closed)) == {"width"}


def test_create_refuses_what_the_variant_does_not_take(extra):
    with pytest.raises(GanzooError, match="'lattent_dim'. Did you mean: latent_dim"):
        ganzoo.create("fakegan", image_shape=(8, 8, 1), lattent_dim=3)
    with pytest.raises(GanzooError, match="'fakegan' needs image_shape"):
        ganzoo.create("fakegan")
    with pytest.raises(GanzooError, match=r"ganzoo\.load\('fakegan\.big'\)"):
        ganzoo.create("fakegan.big")


def test_create_makes_a_real_model(variant):
    gan = ganzoo.create(variant, image_shape=(32, 32, 1), **labels_for(variant))
    assert isinstance(gan, registry.get_class(variant))
    accepted = registry.accepted_arguments(type(gan))
    assert {"latent_dim", "loss", "penalties", "seed"} <= set(accepted)
    assert "kwargs" not in accepted and "self" not in accepted


def labels_for(variant):
    return {"num_classes": 10} if ganzoo.info(variant).conditional else {}


# --------------------------------------------------------------- the front door


def test_the_front_door_is_small_and_works():
    assert sum(not name.startswith("_") for name in ganzoo.__all__) <= 12
    assert set(ganzoo.__all__) == set(dir(ganzoo))
    assert ganzoo.Recipe.__name__ == "Recipe"
    assert ganzoo.data.__name__ == "ganzoo.data"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ganzoo.nothing  # noqa: B018


def test_every_name_of_the_front_door_is_there():
    assert all(getattr(ganzoo, name) is not None for name in ganzoo.__all__)
