"""Case of reading lists of 100 messages as objects."""

from __future__ import annotations

from contextlib import ExitStack
from importlib import import_module

from .clients import open_client
from .measurement import options, serve

PAGE = 100


def main() -> None:
    """Serve rounds of lists."""
    settings = options()
    pagination = import_module(f"{settings['package']}.domain").QueryPagination(limit=PAGE, offset=0)
    with ExitStack() as stack:
        client = open_client(stack, settings)

        def lists(count: int) -> None:
            for _ in range(count):
                if len(client.get_messages(pagination=pagination)) != PAGE:
                    raise RuntimeError("the list is not complete")

        serve(lists)


if __name__ == "__main__":
    main()
