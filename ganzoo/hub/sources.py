"""From a model's name to its config, and to the places where its weights may be.

A name is one of

    variant, variant.tag            a tag of the zoo
    folder                          what `save`, `train` or a download left
    hf://org/repo[@revision]        a repository of the Hugging Face Hub
    https://host/folder             a folder of a server; file:// and, of this machine,
                                    http:// go too
"""

import hashlib
import os
import warnings
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ganzoo import fetching, files, paths, registry
from ganzoo.errors import GanzooError
from ganzoo.hub import configs, huggingface
from ganzoo.hub.configs import CONFIG, TRAINING, WEIGHTS

__all__ = ["Source", "addresses", "find"]


@dataclass(frozen=True)
class Source:
    """A model that was found: its config, and how to come by its files.

    Args:
        name: what the user called it.
        config: as `configs.parse` gives it.
        place: where the config is, for errors.
        folder: a folder of this machine that may hold the files.
        addresses: of folders elsewhere that may, in the order they are tried.
    """

    name: str
    config: dict
    place: str
    folder: Path | None = None
    addresses: tuple[str, ...] = ()

    def weights(self) -> Path:
        """Return the weight file; its sha256 is the one that the config names.

        Raises: `GanzooError` where no place has it, or the file there is another.
        """
        return self._file(WEIGHTS, self.config["weights"])

    def training_state(self) -> Path:
        """Return the file of all that training needs, as `weights` does.

        Raises: `GanzooError` for a model that was saved without it.
        """
        if record := self.config.get("training"):
            return self._file(TRAINING, record)
        if self.folder and (self.folder / TRAINING).exists():  # a run's checkpoint
            return self.folder / TRAINING
        raise GanzooError(
            f"{self.name} was saved without its training state: it has the averaged "
            "generator only. Load it without training_state=True to go on from that "
            "with a new discriminator. gan.save(folder, training_state=True) keeps it."
        )

    def _file(self, file, record):
        cached = paths.cached_weights(record["sha256"])
        places = [self.folder / file] if self.folder else []
        found = [path for path in (*places, cached) if path.exists()]
        path = found[0] if found else self._fetched(file, record, cached)
        if files.sha256_of(path) != record["sha256"]:
            raise GanzooError(
                f"{path} is damaged or another file: its sha256 is not "
                f"{record['sha256']}, which the config of {self.name} names. Remove it "
                "and fetch it again."
            )
        return path

    def _fetched(self, file, record, target):
        failures = []
        for address in self.addresses:
            try:
                return _fetch(address, file, record, target)
            except GanzooError as error:
                failures.append(str(error))
        told = (
            "; ".join(failures) or "no address is known to fetch them from: GANZOO_HUB"
        )
        raise GanzooError(
            f"the weights of {self.name} are not on this machine ({told}). Put {file} "
            f"({record['bytes']} bytes, sha256 {record['sha256']}) at {target}."
        )


def _fetch(address, file, record, target):
    """Bring a file of a folder elsewhere to this machine; return where it lies."""
    if address.startswith("hf://"):
        return huggingface.download(huggingface.parse(address), file)
    url, size = f"{address}/{file}", record["bytes"]
    return fetching.fetch(url, target, sha256=record["sha256"], size=size)


def find(name: str | Path) -> Source:
    """Return the source of a model by any of its names.

    Raises: `GanzooError` for names that mean nothing, and configs that are none.

    Example:
        >>> find("dcgan").config["variant"]
        'dcgan'
    """
    if str(name).startswith("hf://"):
        return _of_repository(str(name))
    if "://" in str(name):
        return _of_server(str(name).rstrip("/"))
    path = Path(name).expanduser()
    is_folder = _is_folder(path)
    if is_folder and (path / CONFIG).exists():
        return _of_folder(path)
    if len(path.parts) != 1 or is_folder:
        raise GanzooError(
            f"there is no model at {path}: a model's folder holds {CONFIG} and "
            f"{WEIGHTS}. A run has them from its first checkpoint on."
        )
    return _of_tag(str(name))


def _is_folder(path):
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long, or with a zero in it
        return False


def addresses() -> list[str]:
    """Return where a zoo's weights are fetched from, in the order they are tried.

    They are those of `GANZOO_HUB`, parted by spaces; else the package's own, the line
    "Weights" of the project's URLs.

    Example:
        >>> addresses()
        ['https://huggingface.co/ganzoo/zoo/resolve/main']
    """
    given = os.environ.get("GANZOO_HUB")
    return given.split() if given is not None else _own_addresses()


def _own_addresses():
    try:
        urls = metadata.metadata("ganzoo").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return []  # a checkout that was not installed
    parted = (each.partition(", ") for each in urls)
    return [url for label, _, url in parted if label == "Weights"]


# ------------------------------------------------------------------------- sources


def _of_folder(folder):
    return Source(str(folder), configs.read(folder / CONFIG), str(folder), folder)


def _of_tag(name):
    folder = registry.tag_folder(name)
    if not (folder / CONFIG).exists():
        raise GanzooError(
            f"{name} has a recipe but no published weights yet. Train it by "
            f"`ganzoo train {name}`, then load the run's folder."
        )
    inside = f"{folder.parent.name}/{folder.name}"
    elsewhere = tuple(f"{each.rstrip('/')}/{inside}" for each in addresses())
    return Source(name, configs.read(folder / CONFIG), str(folder), folder, elsewhere)


def _of_server(url):
    """A folder on a server, whose config is kept for when the server is away."""
    kept = paths.home() / "models" / hashlib.sha256(url.encode()).hexdigest() / CONFIG
    place, fetched = f"{url}/{CONFIG}", True
    try:
        text = fetching.fetch_text(place, limit=configs.LONGEST)
    except fetching.FetchError as error:
        if not kept.exists():
            raise GanzooError(f"there is no model at {url}: {error}") from error
        if not paths.offline():
            warnings.warn(f"{error}; going on with what was had before", stacklevel=5)
        text, fetched = kept.read_bytes(), False
    config = configs.parse(text, place)
    if fetched:
        with files.replacing(kept) as temporary:
            temporary.write_bytes(text)
    return Source(url, config, url, addresses=(url,))


def _of_repository(name):
    config = configs.read(huggingface.download(huggingface.parse(name), CONFIG))
    return Source(name, config, name, addresses=(name,))
