"""Case: sends encrypted messages to a hundred recipients and reads each state back once."""

from __future__ import annotations

from contextlib import ExitStack

from .clients import RECIPIENTS, new_message, open_client
from .rounds import options, serve


def main() -> None:
    """Serve rounds of messages."""
    given = options()
    build = new_message(given["package"], id=given["package"], phone_numbers=RECIPIENTS)
    with ExitStack() as stack:
        client = open_client(stack, given)

        def work(count: int) -> None:
            for _ in range(count):
                state = client.get_state(client.send(build()).id)
                if state.recipients[-1].phone_number != RECIPIENTS[-1]:
                    raise RuntimeError("the state is not readable")

        serve(work)


if __name__ == "__main__":
    main()
