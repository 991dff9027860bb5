"""Case of encrypting one phone number after the other."""

from __future__ import annotations

from .clients import RECIPIENTS, new_encryptor
from .measurement import options, serve


def main() -> None:
    """Serve rounds of encryptions."""
    encryptor = new_encryptor(options()["package"])

    def work(count: int) -> None:
        for _ in range(count):
            encryptor.encrypt(RECIPIENTS[0])

    serve(work)


if __name__ == "__main__":
    main()
