"""Case: lists of 100 messages as objects."""

from __future__ import annotations

from contextlib import ExitStack
from importlib import import_module

from .clients import open_client
from .rounds import options, serve

PAGE = 100


def main() -> None:
    """Serve rounds of lists."""
    given = options()
    pagination = import_module(f"{given['package']}.domain").QueryPagination(limit=PAGE, offset=0)
    with ExitStack() as stack:
        client = open_client(stack, given)

        def lists(count: int) -> None:
            for _ in range(count):
                if len(client.get_messages(pagination=pagination)) != PAGE:
                    raise RuntimeError("the list is not complete")

        serve(lists)


if __name__ == "__main__":
    main()
