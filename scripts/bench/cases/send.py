"""Case: sends, from one thread or several, through one client."""

from __future__ import annotations

from contextlib import ExitStack

from .clients import new_message, open_client
from .rounds import options, serve_threads


def main() -> None:
    """Serve rounds of sends."""
    given = options()
    build = new_message(given["package"])
    with ExitStack() as stack:
        client = open_client(stack, given)

        def sends(count: int) -> None:
            for _ in range(count):
                client.send(build())

        serve_threads(sends, int(given["at_once"]))


if __name__ == "__main__":
    main()
