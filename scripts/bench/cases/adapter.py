"""Case of a synchronous adapter alone, posting a ready request."""

from __future__ import annotations

from importlib import import_module

from .measurement import options, serve
from .post import ACCEPTED, BODY, HEADERS


def main() -> None:
    """Serve rounds of posts."""
    settings = options()
    http = import_module("smsgate.http")
    request = http.Request("POST", f"{settings['url']}/messages", HEADERS, BODY, http.Timeout())
    backend = http.get_client(settings["library"])

    def work(count: int) -> None:
        for _ in range(count):
            if backend.send(request).status != ACCEPTED:
                raise RuntimeError("the server did not accept the message")

    serve(work)
    backend.close()


if __name__ == "__main__":
    main()
