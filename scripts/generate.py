"""Write generated/smsgate_api from spec/smsgate.yaml; with --check, only compare."""

import sys

from smsgate.codegen.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
