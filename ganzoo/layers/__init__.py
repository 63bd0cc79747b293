"""Blocks that variants share."""
