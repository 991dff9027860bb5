"""Write generated/smsgate_api from spec/smsgate.yaml; with --check, only compare."""

import sys
from pathlib import Path

from smsgate.codegen.__main__ import main

if __name__ == "__main__":
    output = Path(__file__).resolve().parents[1] / "generated"
    sys.exit(main(["--package", "smsgate_api", "--output", str(output), *sys.argv[1:]]))
