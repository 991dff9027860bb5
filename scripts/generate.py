"""Write generated/smsgate_api from spec/smsgate.yaml and scripts/templates; with --check, only compare."""

import sys

from generation.command import main

if __name__ == "__main__":
    sys.exit(main())
