"""Pushing a model to where others load it from: the Hub, or a folder they share.

What is pushed is a folder, and it arrives as a whole or not at all: `config.json`, the
weights, a card, `samples.png`, and, if that is wanted, what training goes on from.
"""

import json
import re
import secrets
import shutil
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ganzoo import files, pictures, registry
from ganzoo.errors import GanzooError
from ganzoo.hub import configs, huggingface, saving
from ganzoo.hub.configs import CONFIG, TRAINING, WEIGHTS
from ganzoo.hub.plain_cards import LICENCE, SAMPLES, plain_card

__all__ = ["place_of", "push"]

CARD = "card.md"  # in a folder; on the Hub it is README.md

_FILES = {CONFIG, WEIGHTS, CARD, SAMPLES}
_MOST_CLASSES = 20  # that have a column each in the grid
_ACROSS = 1600  # pixels of a grid of large pictures


def push(
    gan,
    place: str | Path,
    *,
    message: str | None = None,
    private: bool = False,
    token: str | None = None,
    licence: str | None = None,
    training_state: bool = False,
    overwrite: bool = False,
    source: Any = None,
) -> str:
    """Push a model to the Hugging Face Hub or to a folder; return where it is then.

    Args:
        place: "hf://org/repo[@branch][/folder]", a folder, or its file:// address.
            A repository, a branch and a folder that are not there are made.
        message: of the commit on the Hub.
        private: whether nobody else may see the repository, if it is a new one.
        token: of the Hub; else that of `HF_TOKEN` or `hf auth login`.
        licence: of the weights, such as "mit", as the Hub abbreviates it.
        training_state: whether to push also what training goes on from.
        overwrite: whether another model in the folder may be replaced. On the Hub the
            older one stays in the history.
        source: what `sources.find` gave for the model, if it was loaded: its weights
            go on as they are, with what its config and its card say.

    Raises: `GanzooError` for a place that is none, a folder with other files or another
    model, and what the Hub refuses. What was there is untouched then.

    Example:
        >>> gan.push("hf://me/my-gan", licence="mit")
        'https://huggingface.co/me/my-gan'
    """
    target = place_of(place)
    registry.name_of(type(gan))  # a class without one is refused before work goes in
    model = _Model(gan, _extra(source, licence), training_state, source)
    if isinstance(target, Path):
        if private:
            raise GanzooError(
                f"{target} is a folder, which its own permissions keep private. Leave "
                "out private, or push to hf://org/repo."
            )
        _refuse_others(target, model, overwrite)
        return _share(target, model)
    with tempfile.TemporaryDirectory() as folder:
        _fill(Path(folder), model, str(target), "README.md")
        kimg = json.loads((Path(folder) / CONFIG).read_text())["kimg"]
        default = f"{registry.name_of(type(gan))}, {kimg} thousand images seen"
        about = {"message": message or default, "private": private, "token": token}
        return huggingface.upload(folder, target, **about)


def place_of(place: str | Path) -> Path | huggingface.Address:
    """Return the folder, or the address on the Hub, that a model can be pushed to.

    Raises: `GanzooError` for any other place, and where the Hub cannot be asked.

    Example:
        >>> place_of("hf://me/my-gan").repo
        'me/my-gan'
    """
    text = str(place)
    if text.startswith("hf://"):
        address = huggingface.parse(text)
        huggingface.check_ready()
        return address
    parts = urlsplit(text)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        text = unquote(parts.path)
    elif "://" in text:
        raise GanzooError(
            f"a model is pushed to hf://org/repo[@branch][/folder], to a folder, or to "
            f"file:///folder; received {text!r}."
        )
    if not text or text.endswith(".keras"):
        raise GanzooError(
            f"{text!r} is no folder to push to. gan.save(path) writes a .keras file."
        )
    return Path(text).expanduser().resolve()


def _extra(source, licence):
    """What the config says besides what `write_config` writes."""
    known = source.config if source else {}
    written = {"format", "variant", "config", "weights", "training", "training_state"}
    extra = {key: value for key, value in known.items() if key not in written}
    if licence is None:
        return extra
    if not re.fullmatch(LICENCE, licence):
        raise GanzooError(
            "a licence is given as the Hub abbreviates it, such as mit, apache-2.0 or "
            f"cc-by-4.0; received {licence!r}."
        )
    before = extra.get("licence")
    data = before if isinstance(before, dict) else {}
    return extra | {"licence": data | {"weights": licence}}


# -------------------------------------------------------------------------- the files


@dataclass(frozen=True)
class _Model:
    """What is to be pushed: the model, and what is known of it."""

    gan: Any
    extra: dict  # of its config
    training_state: bool
    source: Any

    def write(self, folder):
        """Write the config and the weights; those of the source are copied as such."""
        if not self.source:
            state = {"training_state": self.training_state}
            return saving.save_folder(self.gan, folder, **state, **self.extra)
        extra = dict(self.extra)
        _copy(self.source.weights(), folder / WEIGHTS)
        if self.training_state:
            _copy(self.source.training_state(), folder / TRAINING)
            extra["training"] = configs.record_of(folder / TRAINING)
        return configs.write_config(self.gan, folder, **extra)

    def beside(self, name):
        """A file in the folder that the model was loaded from, None without one."""
        folder = self.source.folder if self.source else None
        return folder / name if folder and (folder / name).is_file() else None


def _copy(path, target):
    with files.replacing(target) as temporary:
        shutil.copyfile(path, temporary)


def _fill(folder, model, place, card):
    """Write what is pushed into a new folder."""
    model.write(folder)
    _draw(model.gan, folder / SAMPLES)
    config = configs.read(folder / CONFIG)
    text = _own_card(model, config) or plain_card(config, place, _data(model))
    with files.replacing(folder / card) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _draw(gan, path):
    """A grid of seed 0, a column a class where they are few, ten to a column.

    What is told texts shows its own captions; without any there is no grid.
    """
    side = min(10, max(1, _ACROSS // max(gan.image_shape[:2])))
    if gan.told_text:
        return _draw_captions(gan, path, side)
    few = 0 < gan.num_classes <= _MOST_CLASSES
    columns = gan.num_classes if few else side
    images = gan.generate(side * columns, seed=0)
    pictures.save_grid(path, images, columns=columns)


def _draw_captions(gan, path, side):
    if texts := gan.captions[: side * side]:
        images = gan.generate(text=texts, seed=0)
        pictures.save_grid(path, images, columns=side, texts=texts)


def _own_card(model, config):
    """The card that a model has already, unless its licence was another one."""
    path = model.beside(CARD)
    if path is None or config.get("licence") != model.source.config.get("licence"):
        return None
    return path.read_text(encoding="utf-8")


def _data(model):
    """What the recipe beside a model names as its data set, without its folder."""
    path = model.beside("recipe.toml")
    if path is None:
        return ""
    try:
        return Path(str(tomllib.loads(path.read_text("utf-8"))["dataset"])).name
    except (OSError, ValueError, KeyError) as error:
        raise GanzooError(f"{path} is no recipe: {error!r}.") from error


# --------------------------------------------------------------------------- a folder


def _refuse_others(folder, model, overwrite):
    """Refuse a folder with files that would not be replaced, or with another model."""
    own = _FILES | {TRAINING} if model.training_state else _FILES
    if folder.exists() and not folder.is_dir():
        raise GanzooError(f"{folder} is a file; choose a folder to push to.")
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if strange := sorted(there - own):
        raise GanzooError(
            f"{folder} holds other files too ({', '.join(strange[:3])}), which pushing "
            "would have to remove. Choose a folder of the model's own."
        )
    if there and not overwrite and not _is_same(folder, model.gan):
        raise GanzooError(
            f"{folder} holds another model. Choose another folder, or replace it by "
            "overwrite=True, on the command line --overwrite."
        )


def _is_same(folder, gan):
    """Whether a folder holds a model of the same variant and arguments."""
    try:
        config = configs.read(folder / CONFIG)
    except GanzooError:
        return False
    own = json.loads(json.dumps(gan.get_config()))
    return (config["variant"], config["config"]) == (registry.name_of(type(gan)), own)


def _share(folder, model):
    """Write the files beside the folder, then let them take its name at once."""
    mark = f".{folder.name}.{secrets.token_hex(4)}"
    building, old = folder.with_name(f"{mark}.tmp"), folder.with_name(f"{mark}.old")
    try:
        building.mkdir(parents=True)
        _fill(building, model, str(folder), CARD)
        _exchange(building, folder, old)
    except OSError as error:
        raise GanzooError(
            f"cannot write {folder}: {error.strerror or error}. What was there is "
            "untouched; free some space or choose a folder that can be written."
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    return str(folder)


def _exchange(building, folder, old):
    if folder.exists():
        folder.rename(old)
    try:
        building.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
