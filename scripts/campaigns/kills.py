"""Campaigns whose process is killed at random moments, verified against the gateway's own list of messages."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from smsgate.bulk import Campaign
from smsgate.testing import make_gateway, serve

_ROOT = Path(__file__).parents[2]
_LONGEST_DELAY = 0.2
"""Seconds between the progress at which a process is killed and the kill, drawn at random."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a campaign.

    Attributes:
        rows: rows of the campaign.
        kills: how often its process was killed while it was sending.
        enqueued: recipients that the gateway has a message for.
        doubled: recipients that it has several messages for.
        journal: rows in each state of the journal.
        seconds: duration, restarts included.
    """

    rows: int
    kills: int
    enqueued: int
    doubled: int
    journal: dict[str, int]
    seconds: float

    @property
    def is_exact(self) -> bool:
        """Whether every row was enqueued exactly once, and the journal knows it."""
        return self.enqueued == self.rows and not self.doubled and self.journal == {"enqueued": self.rows}


def run(rows: int, kills: int, *, devices: int, kind: str, folder: Path, seed: int) -> Outcome:
    """Send a campaign over a port, kill its process at random moments, and resume it each time.

    Args:
        rows: rows of the campaign.
        kills: SIGKILLs.
        devices: phones of the account.
        kind: "sync" or "async".
        folder: where the journal is written.
        seed: of the moments.
    """
    chance = random.Random(seed)  # noqa: S311 - moments of kills
    journal = folder / f"{kind}-{devices}.db"
    gateway = make_gateway({"devices": devices, "phone": False})
    begun = time.perf_counter()
    killed = 0
    with serve(gateway) as server:
        for left in range(kills, -1, -1):
            share = chance.uniform(0.2, 1.0) / (left + 1) if left else None
            delay = chance.uniform(0, _LONGEST_DELAY)
            arguments = [server.url, server.login, server.password, str(journal), str(rows), kind]
            killed += _run_once(arguments, share, delay)
    seconds = time.perf_counter() - begun
    books = Counter(number for message in gateway.messages for number in message.numbers)
    with Campaign.open(journal) as campaign:
        counts = {str(state): count for state, count in campaign.status().counts.items()}
    return Outcome(rows, killed, len(books), sum(count > 1 for count in books.values()), counts, seconds)


def _run_once(arguments: list[str], share: float | None, delay: float) -> bool:
    """Start the process, and return whether it was killed.

    Args:
        arguments: of the process.
        share: of what it has to send, after which it is killed; None for not at all.
        delay: seconds until it is killed then.

    Raises:
        RuntimeError: it failed by itself.
    """
    path = os.pathsep.join(str(_ROOT / folder) for folder in ("", "src", "generated"))
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.campaigns.worker", *arguments],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101 - a pipe, for type checkers
    with process, process.stdout:
        for line in process.stdout:
            done, total = map(int, line.split())
            if share is not None and total and done >= share * total:
                time.sleep(delay)
                process.kill()
                break
        process.stdout.read()
    if process.returncode and share is None:
        raise RuntimeError(f"the campaign ended with exit code {process.returncode}")
    return process.returncode < 0
