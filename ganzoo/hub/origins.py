"""Where the pictures come from that models learn from: what a card says of them."""

from dataclasses import dataclass, replace

from ganzoo.errors import GanzooError

__all__ = ["Origin", "find", "licence"]


@dataclass(frozen=True)
class Origin:
    """A data set: what it is, whose it is, and what it is no picture of.

    Args:
        title: its name as one would cite it.
        page: address of its makers' page.
        hub: its name on the Hugging Face Hub, "" where it is not there.
        licence: in a few words, as a tag's config keeps it.
        about: how many pictures, of what.
        kind: what a picture shows, in the plural.
        biases: what was chosen or left out, by whom.
        unfit: what pictures like these must not be used for.
        texts: to ask for in an example, where pictures have captions.
    """

    title: str
    page: str
    hub: str
    licence: str
    about: str
    kind: str
    biases: str
    unfit: str
    texts: tuple[str, ...] = ()


_FASHION = Origin(
    title="Fashion-MNIST",
    page="https://github.com/zalandoresearch/fashion-mnist",
    hub="zalando-datasets/fashion_mnist",
    licence="MIT (Fashion-MNIST, Zalando SE)",
    about="70,000 grey pictures of 28x28 pixels, ten kinds of clothes, shoes and bags; "
    "60,000 of them to learn from.",
    kind="clothes, shoes and bags",
    biases="They are the front views of articles of one European shop of about 2017, "
    "cut out, reduced and turned to grey; white articles were left out by the makers, "
    "as they do not stand out. The ten kinds are equally frequent, as they are in no "
    "wardrobe; they are the shop's own, and shirts, T-shirts, pullovers and coats "
    "overlap.",
    unfit="designing or selling clothes, recognising them in photographs, and saying "
    "anything of what people wear",
)
_CIFAR = Origin(
    title="CIFAR-10",
    page="https://www.cs.toronto.edu/~kriz/cifar.html",
    hub="uoft-cs/cifar10",
    licence="none stated (CIFAR-10, Krizhevsky)",
    about="60,000 colour pictures of 32x32 pixels, ten kinds of animals and vehicles; "
    "50,000 of them to learn from.",
    kind="animals and vehicles",
    biases="The pictures were found in the web by search words, and their rights were "
    "not cleared. They are part of 80 Million Tiny Images, a collection that its "
    "makers withdrew in 2020 for offensive contents elsewhere in it. The ten kinds are "
    "equally frequent, and stand in the middle of the picture.",
    unfit="anything sold, as nobody holds all rights in the data, and recognising "
    "animals or vehicles where it matters",
)
_AVATARS = Origin(
    title="avatar faces",
    page="https://avataaars.com",
    hub="",
    licence="MIT (python_avatars, Ibon; designs by Pablo Stanley)",
    about="7,000 cartoon faces of 64x64 pixels, put together by chance from parts; "
    "6,000 of them to learn from.",
    kind="cartoon faces",
    biases="They are drawings in one style, of seven colours of skin, ten of hair and "
    "56 styles of hair, glasses, beards and hats; which goes with which is chance, so "
    "they say nothing of how frequent anything is among people.",
    unfit="recognising or judging people, and telling age, sex or origin by a face",
)
_EMOJI = Origin(
    title="captioned emoji",
    page="https://github.com/googlefonts/noto-emoji",
    hub="",
    licence="Apache-2.0 / OFL-1.1 (Noto Emoji, Google; flags: public domain); names "
    "and keywords: Unicode License V3",
    about="3,796 emoji of 64x64 pixels on white with their English names; 3,411 of "
    "them to learn from, 385 held out, whose names are not among the others.",
    kind="emoji",
    biases="They are cartoons by the designers of one company, of what a committee "
    "accepted. Six in ten are people and parts of them, and half of all names give one "
    "of five skin tones; people come as man, woman or person, with the hair and "
    "clothes that the designers hold for theirs. One in fourteen is a flag of a "
    "country or region. Names are in English alone, and each has one picture.",
    unfit="anything that takes a drawn person or flag for a statement about people or "
    "countries, and telling skin, sex or origin",
    texts=("red apple", "smiling cat"),
)
_ORIGINS = {
    "avatar_faces": _AVATARS,
    "emoji_captions": _EMOJI,
    "mnist": Origin(
        title="MNIST",
        page="http://yann.lecun.com/exdb/mnist/",
        hub="ylecun/mnist",
        licence="none stated (MNIST, LeCun, Cortes and Burges)",
        about="70,000 grey pictures of 28x28 pixels, handwritten digits; 60,000 of "
        "them to learn from.",
        kind="handwritten digits",
        biases="They were written by employees of the census bureau and by high school "
        "students of the United States, in the 1990s and before: a one is a bare "
        "stroke, a seven seldom has a bar. All are brought to one size and centred.",
        unfit="imitating a person's hand, making up documents or amounts of money, and "
        "reading forms of other times and countries",
    ),
    "fashion_mnist": _FASHION,
    "fashion_mini": replace(
        _FASHION,
        title="a small part of Fashion-MNIST",
        about="1,900 of Fashion-MNIST's 70,000 grey pictures of 28x28 pixels, ten "
        "kinds of clothes, shoes and bags; 1,600 of them to learn from. So few are "
        "soon known by heart.",
    ),
    "cifar10": _CIFAR,
    "cifar10_jpeg": replace(
        _CIFAR,
        title="CIFAR-10, recompressed as JPEG",
        licence="none stated (CIFAR-10, Krizhevsky; recompressed as JPEG)",
        biases=_CIFAR.biases
        + " Here they were compressed once more, as JPEG: its traces "
        "are in what is learned.",
    ),
}


def find(dataset: str) -> Origin | None:
    """Return what is known of a data set, None for one of which nothing is noted.

    Example:
        >>> find("mnist").title
        'MNIST'
    """
    return _ORIGINS.get(dataset)


def licence(dataset: str) -> str:
    """Return the licence of a data set in a few words.

    Raises: `GanzooError` for one of which nothing is noted.

    Example:
        >>> licence("fashion_mini")
        'MIT (Fashion-MNIST, Zalando SE)'
    """
    origin = find(dataset)
    if origin is None:
        raise GanzooError(
            f"the licence of {dataset!r} is not noted, and a published card has to "
            f"name it. Noted are {', '.join(_ORIGINS)}; add it to ganzoo/hub/origins.py"
            "."
        )
    return origin.licence
