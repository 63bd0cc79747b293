"""Scores: one file an estimator, in numpy, and the feature networks that they need.

`table.METRICS` names them; `ganzoo.evaluate` is what most people want.
"""
