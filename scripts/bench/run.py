"""Measure smsgate beside the official client; `python scripts/bench/run.py --help` says how."""

import sys
from importlib import import_module

if __name__ == "__main__":
    sys.exit(import_module("benching.command").main())  # type checkers know the package under another name
