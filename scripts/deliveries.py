"""Delivery test: a thousand events, repeated and out of order, to a receiver that is killed several times.

An emulated phone sends to a real server (uvicorn, `WebhookApp`, `SQLiteStore`) that is killed with SIGKILL while it
works. Prints the figures; the exit code is 0 when each event was handled once, none was lost, and every response came
within two seconds (``--budget``) although handlers sleep longer.

Handled once means that its effect exists once. A handler that is killed after its effect but before the store marks the
event as handled runs again; it therefore stores the id of the event with the effect, so the second run changes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx

from smsgate import webhooks
from smsgate.emulator import Gateway
from smsgate.http import Request, Timeout
from smsgate.receiver import SQLiteStore, WebhookApp

REPEATED = 0.2
SLEEP = 2.5
URL = "https://receiver.example/sms"


# --- the receiver, in a process of its own ----------------------------------------------------------------------------


def serve(folder: Path, port: int, key: str) -> None:
    """Receive events until the process is killed."""
    import uvicorn  # noqa: PLC0415 - the other process does without

    app = WebhookApp("/sms", signing_key=key, store=SQLiteStore(folder / "events.db"))
    effects = sqlite3.connect(folder / "effects.db", isolation_level=None, check_same_thread=False, timeout=30)
    effects.execute("PRAGMA journal_mode = WAL")
    effects.execute("CREATE TABLE IF NOT EXISTS runs (id TEXT)")
    effects.execute("CREATE TABLE IF NOT EXISTS effects (id TEXT PRIMARY KEY, text TEXT)")

    @app.on(webhooks.SmsReceived)
    async def handle(event: webhooks.SmsReceived) -> None:
        number = int(event.payload.message)
        first = effects.execute("SELECT 1 FROM runs WHERE id = ?", (event.id,)).fetchone() is None
        effects.execute("INSERT INTO runs VALUES (?)", (event.id,))
        if number % 20 == 0 and first:
            raise RuntimeError("every twentieth event fails at first")
        await asyncio.sleep(SLEEP if number % 50 == 1 else 0.005)
        effects.execute("INSERT OR IGNORE INTO effects VALUES (?, ?)", (event.id, event.payload.message))

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")


# --- the phone --------------------------------------------------------------------------------------------------------


@dataclass
class Figures:
    """Figures of all deliveries."""

    requests: int = 0
    without_response: int = 0
    slowest: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter[int])


class Server:
    """Process of the receiver, which can be killed and started again on the same port."""

    def __init__(self, folder: Path, key: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = cast("int", listener.getsockname()[1])
        self._command = [sys.executable, __file__, "--serve", str(folder), "--port", str(self.port), "--key", key]
        self.start()

    def start(self) -> None:
        """Start the process, and return when its port accepts connections."""
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        sys.exit("the receiver did not start")

    def kill_soon(self, seconds: float) -> None:
        """Kill the process after a delay, possibly during a request."""
        self._killer = threading.Timer(seconds, self.kill)
        self._killer.start()

    def restart(self) -> None:
        """Start the process again after it was killed."""
        self._killer.join()
        self.start()

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()


def phone(count: int, seed: int) -> Gateway:
    """Return a gateway whose phone has received a number of texts and repeats deliveries."""
    gateway = Gateway(seed=seed)
    request = httpx.Request(
        "POST", "http://gateway.example/3rdparty/v1/webhooks", json={"url": URL, "event": "sms:received"}
    )
    credentials = httpx.BasicAuth(gateway.login, gateway.password)
    request = next(credentials.auth_flow(request))
    response = gateway.handle(Request("POST", str(request.url), request.headers, request.read(), Timeout()))
    if response.status != 201:  # noqa: PLR2004 - created
        sys.exit("the webhook could not be registered")
    gateway.deliveries.misbehaviour.repeat = gateway.deliveries.misbehaviour.twin = REPEATED / 2
    gateway.deliveries.misbehaviour.shuffle = True
    for number in range(count):
        gateway.receive("+12025550100", str(number))
    return gateway


def deliver(gateway: Gateway, server: Server, crashes: list[int]) -> Figures:
    """Deliver all events, and kill the receiver after the given numbers of requests."""
    figures, chance = Figures(), random.Random(len(crashes))  # noqa: S311 - repeatable, nothing here is secret
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60, trust_env=False) as client:
        while gateway.deliveries.waiting:
            attempts = gateway.deliveries.due()
            for attempt in attempts:
                figures.requests += 1
                started = time.monotonic()
                try:
                    response = client.post("/sms", content=attempt.body, headers=dict(attempt.headers))
                except httpx.TransportError:
                    figures.without_response += 1
                    gateway.deliveries.settle(attempt, None)
                    server.restart()
                    continue
                figures.slowest = max(figures.slowest, time.monotonic() - started)
                figures.statuses[response.status_code] += 1
                gateway.deliveries.settle(attempt, response.status_code)
                if crashes and figures.requests >= crashes[0]:
                    crashes.pop(0)
                    server.kill_soon(chance.uniform(0, 0.005))
            if not attempts:
                time.sleep(0.05)
    return figures


def wait(folder: Path, count: int) -> dict[str, Any]:
    """Wait until all handlers have finished; return their figures."""
    until = time.monotonic() + 300
    with sqlite3.connect(folder / "effects.db") as effects:
        while True:
            rows = effects.execute("SELECT text FROM effects").fetchall()
            open_events = asyncio.run(_unfinished(folder))
            if (len(rows) >= count and not open_events) or time.monotonic() > until:
                break
            time.sleep(0.1)
        runs = effects.execute("SELECT count(*) FROM runs").fetchone()[0]
    effects.close()
    texts = Counter(text for (text,) in rows)
    return {
        "lost": count - len(texts),
        "doubled": sum(times - 1 for times in texts.values()),
        "runs": runs,
        "unfinished": open_events,
    }


async def _unfinished(folder: Path) -> int:
    store = SQLiteStore(folder / "events.db")
    try:
        return await store.unfinished()
    finally:
        store.close()


def main() -> int:
    """Run the test; return the exit code."""
    parser = argparse.ArgumentParser(description="Deliver events to a receiver that is killed again and again.")
    parser.add_argument("--count", type=int, default=1000, help="texts that the phone gets (default: %(default)s)")
    parser.add_argument("--crashes", type=int, default=5, help="how often the receiver is killed")
    parser.add_argument("--budget", type=float, default=2.0, help="seconds for a response (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--key", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.port, options.key)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), options)


def run(folder: Path, options: argparse.Namespace) -> int:
    """Deliver, wait, report."""
    count: int = options.count
    crashes: int = options.crashes
    started = time.monotonic()
    gateway = phone(count, options.seed)
    server = Server(folder, gateway.devices[0].signing_key)
    try:
        figures = deliver(gateway, server, [count * (turn + 1) // (crashes + 1) for turn in range(crashes)])
        handled = wait(folder, count)
    finally:
        server.kill()
    repeated = figures.requests - count
    print(f"events              {count}, in any order")
    print(f"requests            {figures.requests} ({repeated / figures.requests:.0%} repetitions)")
    print(f"receiver killed     {crashes} times, {figures.without_response} requests without a response and sent again")
    print(f"responses           {dict(figures.statuses)}, the slowest after {figures.slowest:.2f} s")
    print(
        f"effects             {handled['lost']} lost, {handled['doubled']} doubled, {handled['unfinished']} unfinished"
    )
    print(f"handlers called     {handled['runs']} times: {count // 20} failures on purpose, the rest after a kill")
    print(f"time                {time.monotonic() - started:.0f} s")
    good = not (handled["lost"] or handled["doubled"] or handled["unfinished"])
    return 0 if good and set(figures.statuses) == {200} and figures.slowest < options.budget else 1


if __name__ == "__main__":
    sys.exit(main())
