"""Case of iterating over a long list; reports how much the peak memory grew after the first page."""

from __future__ import annotations

import resource
import sys
from contextlib import ExitStack
from itertools import islice

from .clients import open_client
from .measurement import options, serve

PAGE = 100
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


def peak() -> int:
    """Return the highest resident size so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT


def main() -> None:
    """Serve one round."""
    with ExitStack() as stack:
        client = open_client(stack, options())

        def work(count: int) -> dict[str, float]:
            messages = client.iter_messages(page_size=PAGE)
            seen = sum(1 for _ in islice(messages, min(PAGE, count)))
            first = peak()
            seen += sum(1 for _ in islice(messages, count - seen))
            if seen != count:
                raise RuntimeError("the list is not complete")
            return {"memory": peak() - first}

        serve(work)


if __name__ == "__main__":
    main()
