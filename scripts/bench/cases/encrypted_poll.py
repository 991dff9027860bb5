"""Case of polling the state of one encrypted message to 100 recipients."""

from __future__ import annotations

from contextlib import ExitStack

from .clients import RECIPIENTS, new_message, open_client
from .measurement import options, serve


def main() -> None:
    """Serve rounds of polls."""
    settings = options()
    build = new_message(settings["package"], id=settings["package"], phone_numbers=RECIPIENTS)
    with ExitStack() as stack:
        client = open_client(stack, settings)
        id = client.send(build()).id

        def work(count: int) -> None:
            for _ in range(count):
                if client.get_state(id).recipients[-1].phone_number != RECIPIENTS[-1]:
                    raise RuntimeError("the state is not readable")

        serve(work)


if __name__ == "__main__":
    main()
