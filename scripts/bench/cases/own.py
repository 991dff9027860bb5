"""Case: sends over a backend that answers by itself, so that nothing but our own work is left."""

from __future__ import annotations

import json
import time
from importlib import import_module
from typing import Any

from .clients import CREDENTIALS, new_message
from .post import ACCEPTED
from .rounds import options, serve


class Answering:
    """A backend with one answer to everything.

    Args:
        pause: seconds to sleep before it; the processor works for others meanwhile, or rests.
    """

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._response: Any = import_module("smsgate.http").Response
        answers = import_module("bench.answers")
        self._id: bytes = answers.ID
        self._content = json.dumps(answers.message(self._id.decode(), 1)).encode()

    def send(self, request: Any) -> Any:
        """Answer, after the pause."""
        if self._pause:
            time.sleep(self._pause)
        content = self._content.replace(self._id, request.content[7:28])  # the id comes first
        return self._response(ACCEPTED, {"content-type": "application/json"}, content)

    def stream(self, _request: Any) -> Any:
        """Refuse; nothing is downloaded here."""
        raise NotImplementedError

    def close(self) -> None:
        """Do nothing."""


def main() -> None:
    """Serve rounds of sends."""
    given = options()
    smsgate = import_module("smsgate")
    build = new_message("smsgate")
    client = smsgate.APIClient(*CREDENTIALS, base_url=given["url"], http=Answering(given["pause_us"] / 1e6))

    def work(count: int) -> None:
        for _ in range(count):
            client.send(build())

    serve(work)


if __name__ == "__main__":
    main()
