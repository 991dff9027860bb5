"""Demonstration: an emulator on a free port, one text from each client, and every state up to Delivered."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

from smsgate import APIClient, AsyncAPIClient, ProcessState

if TYPE_CHECKING:
    from smsgate import MessageState

LOGIN, PASSWORD = "demo", "demo-password"  # the emulator's defaults


def main() -> int:
    """Run the demonstration; return 0 when both messages were delivered."""
    command = [sys.executable, "-m", "smsgate", "emulator", "--port", "0", "--login", LOGIN, "--password", PASSWORD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as emulator:
        try:
            print("Starting the emulator ...", flush=True)
            url = find_url(emulator.stdout.readline() if emulator.stdout else "")
            print(f"Emulated gateway with one phone at {url}")
            states = [send(url), asyncio.run(send_async(url))]
        finally:
            emulator.terminate()
    print("Emulator stopped.")
    return 0 if all(state.state == ProcessState.Delivered for state in states) else 1


def find_url(line: str) -> str:
    """Return the URL in the emulator's first line."""
    for word in line.split():
        if word.startswith("http://"):
            return word
    sys.exit("the emulator did not start")


def send(url: str) -> MessageState:
    """Send one text with the synchronous client and follow it."""
    with APIClient(LOGIN, PASSWORD, base_url=url) as client:
        sent = client.send("Hello from the synchronous client", to="+12025550101")
        print(f"\nAPIClient: message {sent.id}\n  {sent.state}", flush=True)
        seen = [sent.state]
        return client.wait(sent.id, until=lambda state: show(state, seen), timeout=60, interval=0.05)


async def send_async(url: str) -> MessageState:
    """Send one text with the asynchronous client and follow it."""
    async with AsyncAPIClient(LOGIN, PASSWORD, base_url=url) as client:
        sent = await client.send("Hello from the asynchronous client", to="+12025550102")
        print(f"\nAsyncAPIClient: message {sent.id}\n  {sent.state}", flush=True)
        seen = [sent.state]
        return await client.wait(sent.id, until=lambda state: show(state, seen), timeout=60, interval=0.05)


def show(state: MessageState, seen: list[ProcessState]) -> bool:
    """Print a new state and return False, so that `wait` goes on until the state is final."""
    if state.state != seen[-1]:
        seen.append(state.state)
        print(f"  {state.state}", flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main())
