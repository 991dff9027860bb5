"""Compare spec/smsgate.yaml with a published OpenAPI or Swagger document.

Run `python scripts/specdiff.py FROM`, where FROM is a file or an http(s) URL. What differs on purpose is written down
in spec/deviations.toml; everything else, and every entry there that explains nothing any more, makes the exit code 1.
"""

import sys

from specdiffing.command import main

if __name__ == "__main__":
    sys.exit(main())
