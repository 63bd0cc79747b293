"""The one error that a user can cause and mend, and the wording for unknown names."""

import difflib
from collections.abc import Iterable

__all__ = ["GanzooError", "unknown"]


class GanzooError(ValueError):
    """What is wrong, what is accepted, what was received, what to do next.

    The command line prints it as one line, without a traceback.

    Example:
        >>> raise GanzooError("batch_size must be at least 1, received 0.")
        Traceback (most recent call last):
        ...
        ganzoo.errors.GanzooError: batch_size must be at least 1, received 0.
    """


def unknown(
    kind: str, name: object, accepted: Iterable[str], hint: str = ""
) -> GanzooError:
    """Return the error for a name that is not among the `accepted` ones.

    It offers the three closest names, or all of them where there are few.

    Example:
        >>> str(unknown("loss", "hing", ["hinge", "minimax"]))
        "unknown loss 'hing'. Did you mean: hinge? Accepted: hinge, minimax."
    """
    names = sorted(str(each) for each in accepted)
    close = difflib.get_close_matches(str(name).lower(), names, n=3, cutoff=0.4)
    text = f"unknown {kind} {str(name)!r}."
    if close:
        text += f" Did you mean: {', '.join(close)}?"
    if names and (len(names) <= 16 or not close):
        text += f" Accepted: {', '.join(names)}."
    return GanzooError(f"{text} {hint}".strip())
