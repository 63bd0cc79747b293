"""The rules of the house, held against every file of it."""

import ast
import configparser
import re
import shutil
import statistics
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ganzoo"
MODULES = sorted(PACKAGE.rglob("*.py"))
BACKENDS = {"tensorflow", "jax", "torch"}
WEIGHTS = "generator_ema.weights.h5"
HEAVY = {*BACKENDS, "keras", "numpy"}

# Who may know whom: a module imports from lines above its own, or from its own folder.
LAYERS = [
    ["errors", "paths"],
    ["files", "checks", "records", "backends"],
    ["registry", "pictures", "fetching", "published"],
    ["recipe", "losses", "schedules", "layers", "players", "optimizers"],
    ["penalties", "augment"],
    ["sampling", "hub", "matching", "conditioning", "text"],
    ["state", "scaffold", "game", "stakes"],
    ["gan"],
    ["captioned"],
    ["variants", "data", "metrics", "health", "board", "curves"],
    ["runs"],
    ["callbacks", "scores"],
    ["caption_scores"],
    ["evaluation", "latents"],
    ["training"],
    ["benchmark"],
    ["cli"],
]
# Which distribution brings a module, where the names differ.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "tensorflow_datasets": "tensorflow-datasets",
    "tensorboardX": "tensorboardx",
    "yaml": "pyyaml",
}


def for_each(paths, *names):
    ids = [str(path.relative_to(ROOT)) for path in paths]
    return pytest.mark.parametrize(names[0] if names else "path", paths, ids=ids)


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path):
    """The dotted names that a file imports, wherever in it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top_level(path):
    """A file's first name below the package, which is its place in the layers."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def tracked_files():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    names = listed.stdout.splitlines()
    return [path for path in map(ROOT.joinpath, names) if path.is_file()]


# --------------------------------------------------------------------- the sizes


@for_each([*MODULES, *sorted((ROOT / "benchmarks").rglob("*.py"))])
def test_files_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


@for_each(sorted((PACKAGE / "backends").glob("*.py")))
def test_files_of_backends_are_shorter(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 150


def test_functions_are_short():
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    assert statistics.median(lengths) < 10


# ------------------------------------------------------------------- the imports


@for_each(MODULES)
def test_only_backends_know_the_frameworks(path):
    if top_level(path) != "backends":
        assert not BACKENDS & {name.split(".")[0] for name in imports_of(path)}


@for_each(MODULES)
def test_tensorflow_datasets_is_imported_lazily(path):
    found = [name for name in imports_of(path) if name.startswith("tensorflow_data")]
    at_import = {
        alias.name
        for node in tree_of(path).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert not found or top_level(path) == "data"
    assert not at_import & set(found)


@for_each([path for path in MODULES if path.parent != PACKAGE or path.stem[0] != "_"])
def test_imports_point_down(path):
    level = {name: i for i, names in enumerate(LAYERS) for name in names}
    own = top_level(path)
    assert own in level, f"give {own} its place in LAYERS"
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "ganzoo":
            assert len(parts) > 1, f"{own} imports the front door"
            below = level.get(parts[1], -1) < level[own]
            assert below or parts[1] == own, f"{own} imports {name}"


def test_every_import_is_declared():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = config["options.extras_require"].values()
    wanted = "\n".join([config["options"]["install_requires"], *extras]).split()
    declared = {re.match(r"[\w-]+", each)[0].lower() for each in wanted}
    used = {name.split(".")[0] for path in MODULES for name in imports_of(path)}
    for name in used - set(sys.stdlib_module_names) - {"ganzoo"}:
        distribution = DISTRIBUTIONS.get(name, name.lower())
        assert distribution in declared, f"declare {distribution} in setup.cfg"


def test_every_package_is_in_the_wheel():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    folders = {path.parent for path in MODULES}
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert found | {"ganzoo.zoo"} == set(config["options"]["packages"].split())


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, ganzoo; print(set(sys.modules) & {HEAVY})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


# ----------------------------------------------------------------- what is written


def public_symbols(path):
    """The functions and classes that a file's `__all__` names."""
    tree = tree_of(path)
    names = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and "__all__" in ast.unparse(node.targets[0]):
            names = set(ast.literal_eval(node.value))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [
        node for node in tree.body if isinstance(node, kinds) and node.name in names
    ]


@for_each(MODULES)
def test_modules_and_public_symbols_have_docstrings(path):
    for node in [tree_of(path), *public_symbols(path)]:
        assert ast.get_docstring(node), f"{getattr(node, 'name', path.name)} has none"


@for_each(MODULES)
def test_nothing_is_left_open(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", text)
    assert "NotImplemented" + "Error" not in text


def test_no_file_names_a_path_of_a_machine():
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    places = "|".join(["root", "work", "home"])
    pattern = re.compile(rf"(?<![\w.~]){'/'}(?:{places})/")
    for path in tracked_files():
        data = path.read_bytes()
        if b"\0" not in data:
            found = pattern.search(data.decode("utf-8", "replace"))
            assert not found, f"{path.relative_to(ROOT)}: {found[0]}"


# ------------------------------------------------------------------- the package


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory):
    """What a wheel of this tree holds, with a second tag's weights beside it."""
    source, out = (tmp_path_factory.mktemp(name) for name in ("source", "wheel"))
    for path in [*MODULES, *PACKAGE.glob("data/fashion_mini*"), PACKAGE / "py.typed"]:
        copy(path, source / path.relative_to(ROOT))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        copy(ROOT / name, source / name)
    for tag in ("dcgan/fashion_mnist", "dcgan/mnist"):
        for name in ("recipe.toml", "config.json", "card.md", "samples.png", WEIGHTS):
            file = source / "zoo" / tag / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    build = "import sys, setuptools.build_meta as b; b.build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", build, str(out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(zipfile.ZipFile(next(out.glob("*.whl"))).namelist())


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def test_the_wheel_holds_one_default_and_all_listings(wheel_names):
    zoo = {name for name in wheel_names if name.startswith("ganzoo/zoo/")}
    assert {name for name in zoo if name.endswith(".h5")} == {
        f"ganzoo/zoo/dcgan/fashion_mnist/{WEIGHTS}"
    }
    for name in ("recipe.toml", "config.json", "card.md", "samples.png"):
        assert f"ganzoo/zoo/dcgan/mnist/{name}" in zoo


def test_the_wheel_holds_all_of_the_package(wheel_names):
    own = {str(path.relative_to(ROOT)) for path in MODULES}
    data = {"fashion_mini.npz", "fashion_mini.LICENCE.txt"}
    assert own | {f"ganzoo/data/{name}" for name in data} <= wheel_names
    assert "ganzoo/py.typed" in wheel_names
