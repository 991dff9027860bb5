"""The parts of scripts/specdiff.py: documents, shapes, operations, their comparison and the explained deviations."""
