"""Comparison of the public API of this package with that of an earlier revision."""
