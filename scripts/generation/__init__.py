"""The steps of scripts/generate.py."""
