"""Benchmark: stub server, runner, verdicts, table, page and plot."""

from __future__ import annotations

import datetime as dt
import json
import socket
import sys
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from importlib import import_module
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"
PRINTS = 'import sys\nfor n, _ in enumerate(sys.stdin): print(\'{{"wall": {wall}, "cpu": {cpu}}}\', flush=True)'
OURS, THEIRS = PRINTS.format(wall=2e-6, cpu=1e-6), PRINTS.format(wall=6e-6, cpu=5e-6)
FAILS = 'raise OSError("no such luck")'


@pytest.fixture
def bench(monkeypatch):
    """Give modules of the bench by name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return lambda name: import_module(f"bench.{name}")


@pytest.fixture
def ports(bench):
    with bench("runner").server() as opened:
        yield opened


def exchange(port, path, data=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/3rdparty/v1{path}", data=data)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        return response.status, response.headers, json.loads(response.read())


def plain(text):
    return text.replace("\N{MULTIPLICATION SIGN}", "x")


def row(bench, target, *, other=THEIRS, **more):
    rows = bench("rows")
    sides = [
        rows.Side(name, options={"package": name}, source=source)
        for name, source in (("smsgate", OURS), ("theirs", other))
    ]
    return rows.Row("a-row", "sync send, a <b> & c", "request", *sides, rows.Target(*target), **more)


def measured(bench, target=("rate", 2.0), **more):
    runner = bench("runner")
    effort = runner.Effort(rounds=2, seconds=1e-5, fresh_rounds=2)
    return runner.run_row(Path(sys.executable), row(bench, target, **more), {"fast": 1, "slow": 2}, effort)


def test_server_accepts_a_message(ports):
    status, _, document = exchange(ports["fast"], "/messages", b"{}")

    assert status == 202
    assert document["state"] == "Pending"


def test_server_lists_different_messages_on_every_page(ports):
    _, headers, first = exchange(ports["fast"], "/messages?limit=100&offset=0")
    _, _, second = exchange(ports["fast"], "/messages?limit=100&offset=100")

    assert headers["X-Total-Count"] == "100000"
    assert len({item["id"] for item in first + second}) == 200
    assert list(first[0]["states"]) == ["Pending", "Processed", "Sent", "Delivered"]


def test_server_says_no_to_what_it_does_not_know(ports):
    with pytest.raises(urllib.error.HTTPError) as caught:
        exchange(ports["fast"], "/devices")

    with caught.value as refused:
        assert refused.code == 404


def test_server_gives_encrypted_messages_back_as_they_were_sent(ports):
    content = {"textMessage": {"text": "$b"}, "isEncrypted": True}
    for numbers in (["$a"], ["$c", "$d"]):
        exchange(ports["fast"], "/messages", json.dumps({"id": "m1", "phoneNumbers": numbers, **content}).encode())
    _, _, sent = exchange(ports["fast"], "/messages", json.dumps({"id": "m2", "phoneNumbers": [], **content}).encode())
    _, _, state = exchange(ports["fast"], "/messages/m1")

    assert (sent["id"], state["id"]) == ("m2", "m1")
    assert [recipient["phoneNumber"] for recipient in state["recipients"]] == ["$c", "$d"]
    assert (state["isEncrypted"], state["textMessage"]) == (True, {"text": "$b"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        exchange(ports["fast"], "/messages/m3")
    caught.value.close()


def test_slow_port_responds_after_its_pause(ports):
    begun = time.monotonic()
    exchange(ports["slow"], "/messages", b"{}")

    assert time.monotonic() - begun >= 0.05


def test_server_takes_requests_in_pieces_and_several_at_once(ports):
    one = b"POST /messages HTTP/1.1\r\nHost: x\r\ncontent-length: 2\r\n\r\n{}"
    with socket.create_connection(("127.0.0.1", ports["fast"])) as connection:
        connection.sendall(one + one[:-1])
        time.sleep(0.05)
        connection.sendall(one[-1:])
        received = b""
        while received.count(b"HTTP/1.1 202") < 2:
            chunk = connection.recv(65536)
            assert chunk
            received += chunk

    assert received.count(b'"state":"Pending"') == 4


def test_ceiling_is_measured(bench, ports):
    server_speed = bench("server_speed").measure(ports["fast"], 50)

    assert 0 < server_speed.server_us < 1e6
    assert 0 < server_speed.round_trip_us < 1e6


def test_canned_list_is_one_that_our_client_reads(bench):
    from smsgate_api import operations

    _, _, body = bench("responses").page(0, 100).partition(b"\r\n\r\n")
    page = operations.list_messages(limit=100).parse(200, {"x-total-count": "100000"}, body)

    assert (len(page), page.invalid, page.total) == (100, [], 100_000)
    assert len(page[0].states) == 4


@pytest.mark.parametrize(
    ("target", "ours", "other", "verdict_wanted"),
    [
        (("rate", 1.5), (10, 9), (20, 9), ("2.00 x", True)),
        (("rate", 2.5), (10, 9), (20, 9), ("2.00 x", False)),
        (("wall", 0.5), (10, 9), (20, 9), ("0.5 x", True)),
        (("cpu", 0.65), (1, 66), (1, 100), ("0.66 x", False)),
        (("cpu", 1.4, 60.0), (1, 159), (1, 100), ("1.59 x (+59 µs)", True)),
        (("cpu", 1.4, 60.0), (1, 161), (1, 100), ("1.61 x (+61 µs)", False)),
    ],
)
def test_verdict_compares_what_the_target_names(bench, target, ours, other, verdict_wanted):
    rows = bench("rows")

    verdict = rows.judge(rows.Target(*target), rows.Medians(*ours), rows.Medians(*other))

    assert (plain(verdict.shown), verdict.reached) == verdict_wanted


def test_memory_is_compared_with_nothing(bench):
    rows = bench("rows")

    verdict = rows.judge(rows.Target("memory", 10e6), rows.Medians(1, 1, 11e6), None)

    assert (verdict.shown, verdict.reached) == ("11.0 MB", False)
    with pytest.raises(ValueError, match="another side"):
        rows.judge(rows.Target("cpu", 1.0), rows.Medians(1, 1), None)


def test_stall_is_shown_beside_the_other_one(bench):
    rows = bench("rows")

    verdict = rows.judge(rows.Target("stall", 0.02), rows.Medians(1, 1, stall=0.0214), rows.Medians(1, 1, stall=5.1234))

    assert (verdict.shown, verdict.reached) == ("21.4 ms (other 5,123 ms)", False)
    assert rows.judge(rows.Target("stall", 0.02), rows.Medians(1, 1, stall=0.004), None).reached
    assert str(rows.Target("stall", 0.02)) == "≤ 20 ms"


def test_medians_are_microseconds(bench):
    rows = bench("rows")

    found = rows.medians([rows.Sample(1e-6, 2e-6), rows.Sample(9e-6, 3e-6), rows.Sample(2e-6, 9e-6)])

    assert (found.wall_us, found.cpu_us) == (pytest.approx(2.0), pytest.approx(3.0))


@pytest.mark.parametrize(
    "more", [{}, {"count": 2, "rounds": 1}, {"fresh": True, "count": 1}], ids=["lasting", "counted", "fresh"]
)
def test_row_runs_both_sides_and_judges(bench, more):
    result = measured(bench, **more)

    assert result.problem == ""
    assert (result.ours.wall_us, result.other.cpu_us) == (pytest.approx(2.0), pytest.approx(5.0))
    assert plain(result.verdict.shown) == "3.00 x"
    assert result.good


def test_row_whose_program_fails_tells_why_and_is_not_good(bench):
    result = measured(bench, other=FAILS)

    assert result.problem == "OSError: no such luck"
    assert not result.good


@pytest.mark.parametrize(("share", "wanted"), [(1.0, [10, 10, 10]), (0.1, [1])])
def test_row_that_takes_seconds_is_measured_as_often_as_it_says_and_never_warmed_up(bench, tmp_path, share, wanted):
    runner, rows = bench("runner"), bench("rows")
    notes = tmp_path / "asked"
    source = OURS.replace("print(", f"print(n, _.strip(), file=open({str(notes)!r}, 'a')), print(")
    sides = rows.Side("smsgate", source=source), None
    one = rows.Row("a-row", "poll", "poll", *sides, rows.Target("stall", 1.0), count=10, rounds=3)

    runner.run_row(Path(sys.executable), one, {"fast": 1}, runner.Effort(share=share))

    assert [int(line.split()[1]) for line in notes.read_text().splitlines()] == wanted


def test_skipped_row_does_no_harm_to_a_strict_run(bench):
    result = bench("rows").Result(row(bench, ("rate", 1.0)), problem="needs Python 3.99", skipped=True)

    assert result.good
    assert bench("report").table([result]).endswith("a-row: needs Python 3.99")


def test_table_shows_figures_target_and_verdict(bench):
    table = plain(bench("report").table([measured(bench, ("rate", 3.5)), measured(bench, other=FAILS)]))

    assert [line.split() for line in table.splitlines()[1:]] == [
        ["a-row", "2", "1", "6", "5", "3.00", "x", "≥", "3.5", "x", "rate", "NO"],
        ["a-row", "≥", "2", "x", "rate", "failed"],
        ["a-row:", "OSError:", "no", "such", "luck"],
    ]


def test_page_names_versions_and_day_but_not_the_machine(bench):
    environment = bench("environment")
    page = bench("report").page(
        [measured(bench)],
        server_speed=bench("server_speed").ServerSpeed(10.0, 40.0),
        machine=environment.machine(),
        load=environment.load(),
        effort=str(bench("runner").QUICK),
        versions={"Python": "3.11.1", "android-sms-gateway": "4.3.3"},
        day=dt.date(2026, 1, 2),
        plot="performance.svg",
    )

    assert "| sync send, a <b> & c *(smsgate ÷ theirs)* | 2 | 1 | 6 | 5 | 3.00 x | ≥ 2 x rate | yes |" in plain(page)
    assert "Python 3.11.1, android-sms-gateway 4.3.3. 2026-01-02." in page
    assert "at most 100,000 a second" in page
    assert socket.gethostname() not in page
    assert str(environment.ROOT) not in page


def test_chart_is_svg_with_a_bar_for_each_side(bench):
    drawn = ET.fromstring(bench("report").chart([measured(bench), measured(bench)]))

    namespace = "{http://www.w3.org/2000/svg}"
    bars = [float(found.get("width")) for found in drawn.iter(f"{namespace}rect")][3:]
    assert bars[1] == pytest.approx(3 * bars[0], abs=0.2)
    assert len(bars) == 4
    assert "sync a <b> & c" in [found.text for found in drawn.iter(f"{namespace}text")]


def test_no_chart_without_rows_that_compare_sends(bench):
    assert bench("report").chart([measured(bench, ("cpu", 1.0))]) is None


def test_every_row_has_its_own_name_and_cases_that_exist(bench):
    rows = bench("groups").ROWS

    assert len({found.name for found in rows}) == len(rows)
    for side in [found.ours for found in rows] + [found.other for found in rows if found.other]:
        assert side.source or (SCRIPTS / "bench" / "cases" / f"{side.case}.py").exists()


def test_measured_programs_see_no_proxy_and_no_choice_of_backend(bench, monkeypatch):
    for name in ("HTTPS_PROXY", "http_proxy", "SMSGATE_HTTP", "PYTHONPATH"):
        monkeypatch.setenv(name, "x")

    seen = bench("environment").child_environment()

    assert not {"HTTPS_PROXY", "http_proxy", "SMSGATE_HTTP", "PYTHONPATH"} & set(seen)


def test_sends_of_a_revision_are_compared_with_those_of_this_checkout(bench, monkeypatch, capsys):
    compare = bench("compare")
    for name, value in {
        "SENDS": (("send", "httpx"), ("send_async", "aiohttp")),
        "RUNS": 1,
        "ROUNDS": 1,
        "COUNT": 2,
    }.items():
        monkeypatch.setattr(compare, name, value)

    compare.compare("HEAD")

    _, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows] == [["send,", "httpx"], ["send_async,", "aiohttp"]]
    assert all(float(figure) > 0 for row in rows for figure in row[2:4])
