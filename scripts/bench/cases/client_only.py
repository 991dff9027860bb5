"""Case of sending over a backend without I/O, which leaves the cost of our own code."""

from __future__ import annotations

import json
import time
from importlib import import_module
from typing import Any

from .clients import CREDENTIALS, new_message
from .measurement import options, serve
from .post import ACCEPTED


class ConstantBackend:
    """Backend with one response to every request.

    Args:
        pause: seconds to sleep before it.
    """

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._response: Any = import_module("smsgate.http").Response
        responses = import_module("bench.responses")
        self._id: bytes = responses.ID
        self._content = json.dumps(responses.message(self._id.decode(), 1)).encode()

    def send(self, request: Any) -> Any:
        """Return the response after the pause."""
        if self._pause:
            time.sleep(self._pause)
        content = self._content.replace(self._id, request.content[7:28])  # the id comes first
        return self._response(ACCEPTED, {"content-type": "application/json"}, content)

    def stream(self, _request: Any) -> Any:
        """Raise, because this case downloads nothing."""
        raise NotImplementedError

    def close(self) -> None:
        """Do nothing."""


def main() -> None:
    """Serve rounds of sends."""
    settings = options()
    smsgate = import_module("smsgate")
    build = new_message("smsgate")
    client = smsgate.APIClient(*CREDENTIALS, base_url=settings["url"], http=ConstantBackend(settings["pause_us"] / 1e6))

    def work(count: int) -> None:
        for _ in range(count):
            client.send(build())

    serve(work)


if __name__ == "__main__":
    main()
