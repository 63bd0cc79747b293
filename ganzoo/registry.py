"""The registry: from names to variants, and to their tags.

A variant registers itself: `@register(...)` above its class. Listing reads that from
the sources (see `records`), so it imports no variant and loads no backend. A class
registered at run time, in a script of one's own, is listed beside them.

A tag is a folder `zoo/<variant>/<tag>` that holds a recipe and, once its weights are
published, a `config.json`. The two together are written `variant.tag`.
"""

import importlib
import inspect
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from ganzoo import paths, records
from ganzoo.errors import GanzooError, unknown
from ganzoo.records import TASKS, Tag, Variant, tag_folders

__all__ = [
    "accepted_arguments",
    "create",
    "defaults",
    "get_class",
    "info",
    "list_models",
    "name_of",
    "register",
    "split_name",
    "tag_folder",
]

_FULL_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)?")
_Class = TypeVar("_Class", bound=type)
_classes: dict[str, tuple[Variant, type]] = {}


# ------------------------------------------------------------------- registering


def register(
    name: str,
    *,
    title: str,
    paper: str,
    year: int,
    tasks: Sequence[str] = ("image",),
    conditional: bool = False,
    default_tag: str = "",
) -> Callable[[_Class], _Class]:
    """Return the decorator that gives a class of GANs its name in the registry.

    In a module of `variants/` the arguments are literals, since a listing reads them
    from the source.

    Args:
        name: a-z, 0-9 and _; what `create` and `load` are called with.
        title: the name of the paper, or of the method, as one would cite it.
        paper: where it was published, such as "arXiv:1511.06434".
        year: of publication.
        tasks: what the model does, out of `TASKS`.
        conditional: whether it learns from labels.
        default_tag: the tag that `load(name)` takes.

    Raises: `GanzooError` for a name that another class has, or that is malformed.

    Example:
        >>> @ganzoo.register("mygan", title="My GAN", paper="unpublished", year=2026)
        ... class MyGAN(ganzoo.GAN): ...
    """

    def decorate(cls: _Class) -> _Class:
        record = Variant(
            name, title, paper, year, tasks, conditional, default_tag, cls.__module__
        )
        _refuse_duplicate(record, cls)
        _classes[name] = (record, cls)
        return cls

    return decorate


def _refuse_duplicate(record, cls):
    """A module that is run again may register its class again; no other may."""
    known = _classes.get(record.name)
    taken = known[0] if known else records.scan().get(record.name)
    if taken is None:
        return
    same_class = known is None or known[1].__qualname__ == cls.__qualname__
    if taken.module != record.module or not same_class:
        raise GanzooError(
            f"the name {record.name!r} is taken by a class of {taken.module}, so "
            f"{record.module}.{cls.__qualname__} must be registered under another."
        )


# ----------------------------------------------------------------------- listing


def list_models(
    pattern: str = "*", *, task: str | None = None, pretrained: bool | None = None
) -> list[str]:
    """Return the sorted names of variants, or of tags, that match a glob.

    With `pretrained=True` they are the tags with published weights, as "variant.tag".
    So they are for a pattern with a dot, with or without published weights.

    Raises: `GanzooError` for an unknown task.

    Example:
        >>> ganzoo.list_models("*gan*", task="image", pretrained=True)
        ['cgan.fashion_mnist', 'dcgan.fashion_mnist', ...]
    """
    if task is not None and task not in TASKS:
        raise unknown("task", task, TASKS)
    variants = [each for each in _records().values() if task in (None, *each.tasks)]
    if "." not in pattern:
        variants = [each for each in variants if fnmatchcase(each.name, pattern)]
        if not pretrained:
            return sorted(each.name for each in variants)
        pattern = "*"
    names = (
        f"{each.name}.{tag}"
        for each in variants
        for tag in tag_folders(each.name, pretrained=bool(pretrained))
    )
    return sorted(name for name in names if fnmatchcase(name, pattern))


def info(name: str) -> Variant | Tag:
    """Return the record of a variant, or of a tag when given "variant.tag".

    Raises: `GanzooError` for unknown names and unreadable files of the zoo.

    Example:
        >>> print(ganzoo.info("dcgan.fashion_mnist"))
    """
    variant, _ = split_name(name)
    return _record(variant) if name == variant else Tag.read(name, tag_folder(name))


def split_name(name: str) -> tuple[str, str]:
    """Return the variant and the tag of "variant.tag", or the variant's default tag.

    The default tag is "" for a variant that has none.

    Raises: `GanzooError` for a malformed name and an unknown variant.

    Example:
        >>> split_name("dcgan")
        ('dcgan', 'fashion_mnist')
    """
    if not isinstance(name, str) or not _FULL_NAME.fullmatch(name):
        raise GanzooError(
            "a model's name is 'variant' or 'variant.tag', of a-z, 0-9 and _; "
            f"received {name!r}. ganzoo.list_models() gives the variants."
        )
    variant, _, tag = name.partition(".")
    return variant, tag or _record(variant).default_tag


def tag_folder(name: str) -> Path:
    """Return the zoo's folder of "variant.tag", or of the variant's default tag.

    Raises: `GanzooError` for an unknown variant or tag.

    Example:
        >>> (tag_folder("dcgan") / "recipe.toml").is_file()
        True
    """
    variant, tag = split_name(name)
    _record(variant)
    folders = tag_folders(variant)
    if not tag:
        names = ", ".join(f"{variant}.{each}" for each in folders) or "it has none yet"
        raise GanzooError(
            f"{variant!r} has no default tag. Name one of its tags: {names}."
        )
    if tag not in folders:
        hint = f"ganzoo.list_models('{variant}.*') gives the tags."
        raise unknown(f"tag of {variant!r}", tag, folders, hint)
    return folders[tag]


# ---------------------------------------------------------------------- creating


def get_class(name: str) -> type:
    """Return the class of a variant, importing its module and no other.

    Raises: `GanzooError` for an unknown variant.
    """
    record = _record(name)
    if name not in _classes:
        package = importlib.import_module("ganzoo.variants")
        # GANZOO_EXTRA may have changed since the package was imported.
        package.__path__[:] = [str(folder) for folder in paths.variant_dirs()]
        importlib.invalidate_caches()
        importlib.import_module(record.module)
    if name not in _classes:
        raise GanzooError(
            f"{record.module} was imported and did not register {name!r}. Its "
            "@register(...) must stand above a class, outside any condition."
        )
    return _classes[name][1]


def name_of(cls: type) -> str:
    """Return the name that a class of GANs is registered under.

    Raises: `GanzooError` for a class without one.
    """
    for name, (_, known) in _classes.items():
        if known is cls:
            return name
    raise GanzooError(
        f"{cls.__name__} has no name in the registry. Put @ganzoo.register(...) above "
        "its class, then save it again."
    )


def create(variant: str, /, **kwargs: Any) -> Any:
    """Return a new, untrained model of a variant, ready for `fit`.

    Args:
        variant: a name out of `list_models()`.
        **kwargs: arguments of the variant; `image_shape` is always needed.

    Raises: `GanzooError` for an unknown variant and for unknown or missing arguments.

    Example:
        >>> gan = ganzoo.create("dcgan", image_shape=(32, 32, 3), loss="hinge")
    """
    plain, _ = split_name(variant)
    if plain != variant:
        raise GanzooError(
            f"{variant!r} names trained weights. ganzoo.load({variant!r}) loads them; "
            f"ganzoo.create({plain!r}, ...) makes a new model."
        )
    cls = get_class(variant)
    accepted = accepted_arguments(cls)
    for key in kwargs:
        if key not in accepted:
            raise unknown(f"argument of {variant!r}", key, accepted)
    missing = [
        key
        for key, parameter in accepted.items()
        if parameter.default is parameter.empty and key not in kwargs
    ]
    if missing:
        raise GanzooError(
            f"{variant!r} needs {', '.join(missing)}; add it to create()."
        )
    return cls(**kwargs)


def accepted_arguments(cls: type) -> dict[str, inspect.Parameter]:
    """Return the keyword arguments that a class of GANs can be created with.

    They come from its constructor and, as long as that hands on `**kwargs`, from those
    of its bases, up to `GAN`. The nearest definition, and so default, counts.

    Example:
        >>> accepted_arguments(ganzoo.GAN)["latent_dim"].default
        128
    """
    accepted: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
        open_ended = any(each.kind is each.VAR_KEYWORD for each in parameters)
        for each in parameters:
            if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD):
                accepted.setdefault(each.name, each)
        if not open_ended or f"{base.__module__}.{base.__name__}" == "ganzoo.gan.GAN":
            break
    return accepted


def defaults(cls: type) -> dict[str, Any]:
    """Return the default values of `accepted_arguments(cls)`, where there is one."""
    return {
        name: parameter.default
        for name, parameter in accepted_arguments(cls).items()
        if parameter.default is not parameter.empty
    }


def _records() -> dict[str, Variant]:
    return records.scan() | {name: record for name, (record, _) in _classes.items()}


def _record(name) -> Variant:
    known = _records()
    if name not in known:
        raise unknown("variant", name, known, "`ganzoo list` shows all.")
    return known[name]
