"""What runs inside the bench's own environment: one process for each side of a row, started as a module.

A case reads numbers from its standard input, does that many of its operations for each, and writes what it took.
"""
