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
from smsgate.domain import Message, MessageState, ProcessState, RecipientState, TextMessage
from smsgate.http import Headers, Response

from .rows import TEXT, make_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from smsgate.http import Request, StreamedResponse

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


class StoringBackend:
    """Backend that accepts every message at once, so that only the costs of this package are measured."""

    def __init__(self) -> None:
        self._recipients = [RecipientState(phone_number="+491511", state=ProcessState.Pending)]

    def send(self, request: Request) -> Response:
        """Return one phone, or accept a message."""
        if request.method == "GET":
            seen = "2100-01-01T00:00:00Z"
            phone = {"id": "phone", "name": "phone", "createdAt": seen, "updatedAt": seen, "lastSeen": seen}
            return _response(200, json.dumps([phone]).encode())
        message = json.loads(request.content or b"")
        state = MessageState(
            id=message["id"], device_id="phone", state=ProcessState.Pending, is_hashed=False, is_encrypted=False,
            recipients=self._recipients,
        )  # fmt: skip
        return _response(202, json.dumps(state.asdict()).encode())

    def stream(self, request: Request) -> AbstractContextManager[StreamedResponse]:
        """Not used."""
        raise NotImplementedError(request.method)

    def close(self) -> None:
        """Close nothing."""


def _response(status: int, content: bytes) -> Response:
    return Response(status, Headers({"content-type": "application/json"}), content)


def measure_planning(rows: int) -> Planning:
    """Plan a campaign in a process of its own."""
    return Planning(**_in_process("plan", rows))


def measure_sending(rows: int) -> Sending:
    """Send a campaign, and the same messages without one, in a process of its own."""
    return Sending(**_in_process("send", rows))


def _in_process(what: str, rows: int) -> dict[str, Any]:
    path = os.pathsep.join(str(_ROOT / folder) for folder in ("", "src", "generated"))
    command = [sys.executable, "-m", "scripts.campaigns.figures", what, str(rows)]
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
    with tempfile.TemporaryDirectory() as folder, APIClient("demo", "demo", http=StoringBackend()) as client:
        journal = Path(folder, "journal.db")
        with Campaign.plan(make_rows(rows), TEXT, default_region="DE", journal=journal).campaign as campaign:
            plain, plain_cpu = _send_plain(client, campaign)
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
