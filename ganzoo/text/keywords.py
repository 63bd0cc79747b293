"""Keywords of a caption, as data sets write them."""

__all__ = ["parted"]


def parted(keywords: str) -> list[str]:
    """Return the keywords that "|" parts.

    Example:
        >>> parted("fruit | red ")
        ['fruit', 'red']
    """
    return [each.strip() for each in keywords.split("|") if each.strip()]
