"""On JAX and torch ganzoo imports, loads and trains where TensorFlow is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
for name in ("tensorflow", "tensorflow_datasets"):
    sys.modules[name] = None  # importing it fails, as if it were not installed
import ganzoo
from ganzoo.recipe import Recipe
assert ganzoo.load("dcgan").generate(2, seed=1).shape == (2, 28, 28, 1)
recipe = Recipe(
    "cgan", batch_size=16, kimg=0.032, split="train[:64]",
    model={"architecture": "conv", "channels": 8, "penalties": ["r1"]},
)
gan = ganzoo.train(recipe, sys.argv[1], verbose=0)
assert int(gan.step.value) == 2
assert ganzoo.load(sys.argv[1]).generate(labels=["Bag"]).shape == (1, 28, 28, 1)
"""


@pytest.mark.skipif(
    os.environ["KERAS_BACKEND"] != "tensorflow", reason="starts the others by itself"
)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_all_of_it_works(backend, tmp_path):
    environment = os.environ | {"KERAS_BACKEND": backend}
    environment["PYTHONPATH"] = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "run")],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
