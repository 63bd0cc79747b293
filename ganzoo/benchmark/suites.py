"""Suites: which recipes are trained with which seeds, and how they are scored."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ganzoo.errors import GanzooError, unknown
from ganzoo.recipe import Recipe

__all__ = ["Job", "Scoring", "Suite", "names", "read"]

_FOLDER = Path(__file__).resolve().parent / "suites"


@dataclass(frozen=True)
class Scoring:
    """How models are scored.

    Args:
        metrics: of the final model; names as in `ganzoo.evaluate`.
        conditional_metrics: more of them, for models that draw what they are told.
        count: pictures drawn for a score.
        sampler_seeds: a final score is the mean over these.
        points: thousands of images seen at which the first metric is measured on the
            way, for curves; empty for none.
    """

    metrics: Sequence[str] = ("fd", "kd", "prdc")
    conditional_metrics: Sequence[str] = ()
    count: int = 10_000
    sampler_seeds: Sequence[int] = (0, 1, 2)
    points: Sequence[float] = ()


@dataclass(frozen=True)
class Job:
    """One training, or one published tag, to be scored.

    Args:
        suite: name of the suite.
        name, tag: how its rows are labelled.
        recipe: what is trained; its seed is the training seed.
        scoring: how.
        published: score the published weights instead of training.
        minutes: its share where time is short, as in the suite `gpu`; 0 for none.

    Example:
        >>> [job.label for job in read("smoke").jobs()]
    """

    suite: str
    name: str
    tag: str
    recipe: Recipe
    scoring: Scoring
    published: bool = False
    minutes: float = 0.0

    @property
    def label(self) -> str:
        """What a person calls the job: "dcgan.fashion_mnist seed 1"."""
        return f"{self.name}.{self.tag} seed {self.recipe.seed}"

    @property
    def run(self) -> str:
        """The name of its run folder, shared by jobs that differ in length alone."""
        return f"{self.suite}-{self.name}-seed{self.recipe.seed}-{self.recipe.hash()}"


@dataclass(frozen=True)
class Suite:
    """A suite: what `suites/<name>.toml` says.

    Args:
        name: of the file.
        title: one line.
        dataset: the real pictures: the floor is measured on its test split.
        scoring: how everything in it is scored.
        entries: tables with `tag`, the zoo's recipe that is meant, or `variant` and
            `label` for a recipe of the suite's own, whose values `set` holds; `seeds`;
            `published` for the seed whose weights the zoo has; `minutes` for a share
            of the time: entries that have one keep the file's order.
    """

    name: str
    title: str
    dataset: str
    scoring: Scoring
    entries: Sequence[Mapping[str, Any]]

    def jobs(self) -> list[Job]:
        """Return the jobs: published weights first, then seed after seed.

        The short ones come first: a longer one of the same recipe goes on from there.
        """
        jobs = [job for entry in self.entries for job in self._jobs_of(entry)]
        return sorted(jobs, key=_order)

    def _jobs_of(self, entry) -> Iterator[Job]:
        label = entry.get("tag") or f"{entry['variant']}.{entry['label']}"
        name, _, tag = label.partition(".")
        for seed in entry["seeds"]:
            recipe = self._recipe(entry, seed)
            published = entry.get("published") == seed
            minutes = float(entry.get("minutes", 0.0))
            yield Job(self.name, name, tag, recipe, self.scoring, published, minutes)

    def _recipe(self, entry, seed):
        values = {"seed": seed, "claim": {}, **entry.get("set", {})}
        if "tag" in entry:
            return Recipe.from_dict(Recipe.of(entry["tag"]).to_dict() | values)
        values = {"variant": entry["variant"], "dataset": self.dataset} | values
        return Recipe.from_dict(values)


def _order(job: Job) -> tuple:
    length = 0.0 if job.minutes else job.recipe.kimg
    return (not job.published, job.recipe.seed, length)


def names() -> list[str]:
    """Return the names of the suites that come with ganzoo.

    Example:
        >>> "smoke" in names()
        True
    """
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def read(name: str | Path) -> Suite:
    """Return the suite of that name, or in that TOML file.

    Raises: `GanzooError` for unknown names and files that are no suite.

    Example:
        >>> read("smoke").title
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = _FOLDER / f"{name}.toml"
        if not path.exists():
            raise unknown("suite", str(name), [*names(), "modes"])
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        scoring = Scoring(**_checked(values.pop("scoring", {}), path))
        return Suite(path.stem, **values, scoring=scoring)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise GanzooError(f"{path} is no suite: {error}.") from error


def _checked(values, path):
    known = [each.name for each in fields(Scoring)]
    for key in values:
        if key not in known:
            raise unknown(f"key of [scoring] in {path.name}", key, known)
    return values
