"""Cost of planning and of the journal, per row, for growing campaigns."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smsgate import APIClient
from smsgate.bulk import Campaign
from smsgate.domain import Message, TextMessage
from smsgate.testing import make_gateway, serve

from .rows import TEXT, make_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]
_CONCURRENCY = 8
_KIBIBYTE = 1024
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Planning:
    """Cost of planning.

    Attributes:
        rows: rows of the campaign.
        seconds: processor time.
        numbers: processor time that phonenumbers takes for the same rows.
        peak: most memory of the process, in megabytes.
        size: of the journal, in megabytes.
    """

    rows: int
    seconds: float
    numbers: float
    peak: float
    size: float


@dataclass(frozen=True, slots=True)
class Sending:
    """Cost of sending, in processor time and in time.

    Attributes:
        rows: rows of the campaign.
        campaign: seconds of `Campaign.run`.
        plain: seconds of `send_many` with the same ids, phones and texts.
        cpu: processor time of `Campaign.run`.
        plain_cpu: processor time of `send_many`.
        peak: most memory of the process, in megabytes.
    """

    rows: int
    campaign: float
    plain: float
    cpu: float
    plain_cpu: float
    peak: float


def measure_planning(rows: int) -> Planning:
    """Plan a campaign in a process of its own."""
    return Planning(**_in_process("plan", rows))


def measure_sending(rows: int) -> Sending:
    """Send a campaign, and the same messages without one, in a process of its own, over two ports of this one."""
    gateways = [make_gateway({"phone": False}) for _ in range(2)]
    with serve(gateways[0]) as first, serve(gateways[1]) as second:
        return Sending(**_in_process("send", rows, first.url, second.url, first.login, first.password))


def _in_process(what: str, rows: int, *others: str) -> dict[str, Any]:
    path = os.pathsep.join(str(_ROOT / folder) for folder in ("", "src", "generated"))
    command = [sys.executable, "-m", "scripts.campaigns.figures", what, str(rows), *others]
    environment = {**os.environ, "PYTHONPATH": path}
    run = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(run.stdout)
    return figures


def _plan(rows: int) -> Planning:
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder, "journal.db")
        Campaign.plan(make_rows(100), TEXT, default_region="DE").campaign.close()  # loads what planning needs
        begun = time.process_time()
        Campaign.plan(make_rows(rows), TEXT, default_region="DE", journal=journal).campaign.close()
        seconds = time.process_time() - begun
        return Planning(rows, seconds, _parse_numbers(rows), _peak(), journal.stat().st_size / _MEGABYTE)


def _parse_numbers(rows: int) -> float:
    """Return the processor time of phonenumbers alone."""
    import phonenumbers  # noqa: PLC0415 - counts as part of planning before

    begun = time.process_time()
    for row in make_rows(rows):
        number = phonenumbers.parse(str(row["phone"]), "DE")
        if phonenumbers.is_valid_number(number):
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return time.process_time() - begun


def _send(rows: int) -> Sending:
    first, second, login, password = sys.argv[3:]
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder, "journal.db")
        with Campaign.plan(make_rows(rows), TEXT, default_region="DE", journal=journal).campaign as campaign:
            with APIClient(login, password, base_url=first) as client:
                plain, plain_cpu = _send_plain(client, campaign)
            with APIClient(login, password, base_url=second) as client:
                begun, begun_cpu = time.perf_counter(), time.process_time()
                report = campaign.run(client, follow=False)
                seconds, cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
        if report.counts != {"enqueued": rows}:
            raise RuntimeError(f"not all rows were enqueued: {report.counts}")
        return Sending(rows, seconds, plain, cpu, plain_cpu, _peak())


def _send_plain(client: APIClient, campaign: Campaign) -> tuple[float, float]:
    def messages() -> Iterator[Message]:
        for row in campaign.status().rows():
            device = client.choose_device(row.id)
            content = TextMessage(text=row.text)
            yield Message(id=row.id, phone_numbers=[row.number], text_message=content, device_id=device)

    begun, begun_cpu = time.perf_counter(), time.process_time()
    for result in client.send_many(messages(), concurrency=_CONCURRENCY):
        result.unwrap()
    return time.perf_counter() - begun, time.process_time() - begun_cpu


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTE / _MEGABYTE


if __name__ == "__main__":
    measure = _plan if sys.argv[1] == "plan" else _send
    print(json.dumps(asdict(measure(int(sys.argv[2])))))
