"""Weight files in half precision, for the tools that publish."""

from ganzoo.benchmark.halves import halved

__all__ = ["halved"]
