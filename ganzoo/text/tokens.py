"""From texts to rows of token numbers, by a small tokenizer of word pieces.

The tokenizer is one of the library `tokenizers`: text is brought to Unicode's NFKC form
and to lower case, loses control characters, and is split into words and signs; words
that are not in the vocabulary are split into pieces that are. 0 fills a row up, 1 is
what no piece stands for.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from ganzoo.errors import GanzooError

__all__ = ["LONGEST", "PAD", "UNKNOWN", "checked", "encode", "learn", "read"]

PAD, UNKNOWN = 0, 1
LONGEST = 1000  # characters of a text
_LARGEST = 5_000_000  # bytes of a tokenizer's file; those of the zoo have 0.1 million


def learn(texts: Iterable[str], size: int) -> Tokenizer:
    """Return a tokenizer of at most `size` word pieces, learnt from texts.

    Example:
        >>> learn(["red apple", "green apple"], 100).encode("red apple").tokens
        ['red', 'apple']
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.BertNormalizer(
                clean_text=True, handle_chinese_chars=True, strip_accents=True
            ),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=["[PAD]", "[UNK]"], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def read(path: Path) -> Tokenizer:
    """Return the tokenizer in a JSON file; it holds rules and words, no code.

    Raises: `GanzooError` for a file that holds none.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST:,} bytes")
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises bare Exceptions
        raise GanzooError(
            f"{path} holds no tokenizer: {error}. Install or fetch it again."
        ) from error


def encode(tokenizer: Tokenizer, texts: Sequence[str], length: int) -> np.ndarray:
    """Return token numbers int32 (texts, length), 0 where a text has ended.

    Words beyond the length are left away.

    Raises: `GanzooError` for what is no text, and for texts that are empty, too long,
    or of which no word is known.

    Example:
        >>> encode(tokenizer, ["red apple"], 4).tolist()
        [[112, 87, 0, 0]]
    """
    checked_ = checked(texts)
    rows = np.full((len(checked_), length), PAD, "int32")
    for row, found in zip(rows, tokenizer.encode_batch(checked_), strict=True):
        ids = found.ids[:length]
        row[: len(ids)] = ids
    for text, row in zip(checked_, rows, strict=True):
        if not (row > UNKNOWN).any():
            raise GanzooError(
                f"no word of {text[:60]!r} is known to the text encoder. Write it in "
                "the language that it learnt from, such as 'red apple'."
            )
    return rows


def checked(texts: Sequence[str]) -> list[str]:
    """Return texts as a list, one text as a list of one.

    Raises: `GanzooError` for what is no text, and for texts that are empty or too long.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    for text in texts:
        if not isinstance(text, str):
            raise GanzooError(
                f"a text is a string such as 'red apple', received {text!r}."
            )
        if not any(character.isprintable() and character.strip() for character in text):
            raise GanzooError(
                f"a text needs at least one word, received {text[:60]!r}. Say what is "
                "to be drawn, as in 'red apple'."
            )
        if len(text) > LONGEST:
            raise GanzooError(
                f"a text has at most {LONGEST} characters, received {len(text):,}: "
                f"{text[:40]!r}... Shorten it; a dozen words are enough."
            )
    return texts
