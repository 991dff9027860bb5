"""Case of sending from one or more threads through one client."""

from __future__ import annotations

from contextlib import ExitStack

from .clients import new_message, open_client
from .measurement import options, serve_threads


def main() -> None:
    """Serve rounds of sends."""
    settings = options()
    build = new_message(settings["package"])
    with ExitStack() as stack:
        client = open_client(stack, settings)

        def sends(count: int) -> None:
            for _ in range(count):
                client.send(build())

        serve_threads(sends, int(settings["at_once"]))


if __name__ == "__main__":
    main()
