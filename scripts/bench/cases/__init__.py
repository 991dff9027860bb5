"""Programs that run in the environment of the benchmark, one process for each side of a row.

A case reads numbers from its standard input, does that many operations for each, and writes the measurement.
"""
