"""Case: one of our synchronous adapters alone, posting a ready request."""

from __future__ import annotations

from importlib import import_module

from .post import ACCEPTED, BODY, HEADERS
from .rounds import options, serve


def main() -> None:
    """Serve rounds of posts."""
    given = options()
    http = import_module("smsgate.http")
    request = http.Request("POST", f"{given['url']}/messages", HEADERS, BODY, http.Timeout())
    backend = http.get_client(given["library"])

    def work(count: int) -> None:
        for _ in range(count):
            if backend.send(request).status != ACCEPTED:
                raise RuntimeError("the server did not accept the message")

    serve(work)
    backend.close()


if __name__ == "__main__":
    main()
