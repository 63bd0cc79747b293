"""One module per variant; folders of `GANZOO_EXTRA` add more.

A variant is its module here (or in `<root>/variants` of a root in `GANZOO_EXTRA`) and
its folder in `zoo/`. The registry finds it by its `@register(...)`.
"""

from ganzoo import paths

__path__ = [str(folder) for folder in paths.variant_dirs()]
