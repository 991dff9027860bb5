"""Send through faults and hold the client to its word: `python scripts/faults.py`; exits 1 when a target is missed."""

import sys

from faulting.command import main

if __name__ == "__main__":
    sys.exit(main())
