"""Reports as files: all rows in a table, and a page without anything from elsewhere."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import threading
from html.parser import HTMLParser

import pytest

from smsgate import webhooks
from smsgate.bulk import Campaign, Pacing, write_csv_report, write_html_report
from smsgate.errors import ConfigurationError
from smsgate.testing import make_client, make_gateway

pytest.importorskip("phonenumbers")

ROWS = [
    {"phone": "+4915112345601", "name": "Ann"},
    {"phone": "+4915112345602", "name": "Łukasz"},
    {"phone": "+4915112345603", "name": "Ben"},
    {"phone": "+4915112345601", "name": "Ann again"},
    {"phone": "<script>alert(1)</script>", "name": "x"},
    {"phone": "=cmd|'/c calc'!A1", "name": "x"},
    {"phone": "+493012345678", "name": "Landline"},
]

REASON = "=<i>no service</i>"


class Elements(HTMLParser):
    """Names of elements, attributes and texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.names, self.attributes, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "path", "rect"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def report(tmp_path):
    """Report of a campaign that was run, whose phone refused a message."""
    gateway = make_gateway({"devices": 2, "phone": False, "seed": 3})
    plan = Campaign.plan(ROWS, "Hi {name}", journal=tmp_path / "j.db", skip_landlines=True, campaign_id="<b>June</b>")
    with plan.campaign as campaign, make_client(gateway) as client:
        campaign.run(client, pacing=Pacing(concurrency=1), follow=False)
        first = next(campaign.status().rows())
        failed = {
            "messageId": first.id,
            "recipient": first.number,
            "failedAt": "2030-01-01T00:00:00Z",
            "reason": REASON,
        }
        body = {"id": "1", "webhookId": "w", "event": "sms:failed", "deviceId": first.device_id, "payload": failed}
        assert campaign.record(webhooks.parse_unverified(json.dumps(body).encode()))
        yield campaign.status()


def read_table(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_table_has_all_rows_and_rejected_ones(report, tmp_path):
    write_csv_report(report, tmp_path / "r.csv")

    rows = read_table(tmp_path / "r.csv")
    assert [(row["row"], row["state"]) for row in rows] == [
        ("1", "failed"),
        ("2", "enqueued"),
        ("3", "enqueued"),
        ("4", "rejected"),
        ("5", "rejected"),
        ("6", "rejected"),
        ("7", "rejected"),
    ]
    assert rows[0]["number"] == "+4915112345601"
    assert rows[0]["reason"] == "'" + REASON
    assert rows[1]["encoding"] == "UCS-2"
    assert rows[3]["reason"].startswith("duplicate: ")
    assert rows[6]["reason"] == "landline: the number is a landline"


def test_no_value_of_the_table_is_a_formula(report, tmp_path):
    write_csv_report(report, tmp_path / "r.csv")

    for row in read_table(tmp_path / "r.csv"):
        for value in row.values():
            assert not value.startswith(("=", "@", "-")), value
            assert not value.startswith("+") or re.fullmatch(r"\+\d+", value), value


def test_table_opens_as_a_table_of_rows(report, tmp_path):
    from smsgate.bulk import RowFile

    write_csv_report(report, tmp_path / "r.csv")
    with RowFile(tmp_path / "r.csv", number_column="number") as rows:
        assert rows.description == "CSV, UTF-8, separated by commas"
        assert next(iter(rows))["phone"] == "+4915112345601"


def test_page_needs_nothing_from_elsewhere_and_escapes_everything(report, tmp_path):
    write_html_report(report, tmp_path / "r.html")

    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    found = Elements(page)
    assert found.open == []
    assert not {"script", "link", "img", "iframe", "object"}.intersection(found.names)
    assert not {"src", "href", "onload", "onclick"}.intersection(name for name, _ in found.attributes)
    assert "http://" not in page
    assert "https://" not in page
    assert "=&lt;i&gt;no service&lt;/i&gt;" in page
    assert "&lt;b&gt;June&lt;/b&gt;" in page
    assert "<script" not in page
    assert "prefers-color-scheme: dark" in page
    assert page.count("<svg") == 4  # states, failures, phones, rejected rows
    assert "+4915112345601" in page


def test_numbers_can_be_hidden(report, tmp_path):
    write_csv_report(report, tmp_path / "r.csv", redact=True)
    write_html_report(report, tmp_path / "r.html", redact=True)

    for name in ("r.csv", "r.html"):
        assert "15112345" not in (tmp_path / name).read_text(encoding="utf-8")


def test_numbers_in_reasons_can_be_hidden(report, tmp_path):
    row = next(report.rows("enqueued"))
    failed = {"messageId": row.id, "recipient": row.number, "failedAt": "2030-01-01T00:00:00Z"}
    body = {"id": "1", "webhookId": "w", "event": "sms:failed", "deviceId": "d",
            "payload": {**failed, "reason": f"invalid number {row.number}"}}  # fmt: skip
    with Campaign.open(report.path) as campaign:
        campaign.record(webhooks.parse_unverified(json.dumps(body).encode()))

    for write in (write_csv_report, write_html_report):
        write(report, tmp_path / "r", redact=True)
        written = (tmp_path / "r").read_text(encoding="utf-8")
        assert "invalid number ••••" in written
        assert row.number.strip("+")[:8] not in written


@pytest.mark.parametrize("write", [write_csv_report, write_html_report])
def test_report_that_cannot_be_written_leaves_the_older_one(report, tmp_path, write):
    file = tmp_path / "r"
    file.write_text("older")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write(report, file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert caught.value.filename == str(file)
    with pytest.raises(FileNotFoundError) as caught:
        write(report, tmp_path / "none" / "r")
    assert caught.value.filename == str(tmp_path / "none" / "r")
    assert file.read_text() == "older"
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".tmp"]


@pytest.mark.parametrize("write", [write_csv_report, write_html_report])
def test_report_does_not_replace_its_journal(report, tmp_path, write):
    (tmp_path / "link").symlink_to(report.path)

    for path in (report.path, tmp_path / "link"):
        with pytest.raises(ConfigurationError, match="replace the journal"):
            write(report, path)
    assert report.rejected


def test_report_is_written_into_a_pipe(report, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    thread = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    thread.start()
    write_html_report(report, pipe)
    thread.join()

    assert read[0].endswith("</html>\n")


def test_times_of_a_clock_that_was_set_back_are_in_the_timeline(report):
    with Campaign.open(report.path) as campaign:
        campaign._journal._connection.execute("UPDATE rows SET updated_at = 1 WHERE state = 'failed'")

    assert report.timeline()[-1].counts == {"enqueued": 3, "failed": 1}
    assert len(report.timeline(10_000)) >= 1


def test_page_of_a_campaign_that_has_not_begun(tmp_path):
    with Campaign.plan(ROWS, "Hi {name}", journal=tmp_path / "j.db").campaign as campaign:
        write_html_report(campaign.status(), tmp_path / "r.html")

    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Nothing was sent yet." in page
    assert "not begun" in page


def test_page_of_a_large_campaign_stays_small(tmp_path):
    rows = [{"phone": f"+4915112{number:06}"} for number in range(3000)]
    gateway = make_gateway({"devices": 1, "phone": False})
    with Campaign.plan(rows, "Hi", journal=tmp_path / "j.db").campaign as campaign, make_client(gateway) as client:
        campaign.run(client, follow=False)
        write_html_report(campaign.status(), tmp_path / "r.html")

    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "2,500 further rows are in the CSV report." in page
    assert len(page) < 300_000
