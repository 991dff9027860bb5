"""Case: sends, from one thread or several, through one client."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from .clients import new_message, open_client
from .rounds import options, serve


def main() -> None:
    """Serve rounds of sends."""
    given = options()
    threads = int(given["at_once"])
    build = new_message(given["package"])
    with ExitStack() as stack:
        client = open_client(stack, given)

        def sends(count: int) -> None:
            for _ in range(count):
                client.send(build())

        if threads == 1:
            serve(sends)
            return
        pool = stack.enter_context(ThreadPoolExecutor(threads))

        def shared(count: int) -> None:
            list(pool.map(sends, [count // threads] * threads))

        serve(shared)


if __name__ == "__main__":
    main()
