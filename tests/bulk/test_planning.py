"""Plans: checks of rows, and journals that hold them."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys

import pytest

from smsgate.bulk import (
    Campaign,
    JournalError,
    JournalFullError,
    JournalLockedError,
    TemplateError,
    _planner as planner,
    write_csv_report,
)
from smsgate.bulk._journal_file import connect
from smsgate.errors import ConfigurationError

ANN = {"phone": "+12025550100", "name": "Ann"}
BOB = {"phone": "+12025550101", "name": "Bob"}


@pytest.fixture
def plan(tmp_path):
    """Plan with a journal, and close it at the end."""
    plans = []

    def make(rows, text="Hi {name}", **options):
        options = {"journal": tmp_path / "journal.db", "default_region": "US", **options}
        plans.append(Campaign.plan(rows, text, **options))
        return plans[-1]

    yield make
    for made in plans:
        made.campaign.close()


def test_valid_rows_are_counted_and_the_others_have_reasons(plan):
    rows = [
        ANN,
        {"phone": "(202) 555-0100", "name": "Ann again"},
        {"phone": "12", "name": "Short"},
        {"name": "No number"},
        {"phone": " ", "name": "Empty number"},
        {"phone": "+12025550102", "name": ""},
        {"phone": "+12025550103"},
        {"phone": "+12025550104", "name": "Out"},
        {"phone": "+49 151 23456789", "name": "€" * 100},
        {"phone": "+493012345678", "name": "日本"},
    ]

    made = plan(rows, opt_outs=["(202) 555-0104"])

    assert (made.total, made.valid, made.parts) == (10, 3, 4)
    assert made.kinds == {"either": 1, "landline": 1, "mobile": 1}
    assert made.encodings == {"GSM-7": 2, "UCS-2": 1}
    assert [(row.row, row.reason) for row in made.rejected()] == [
        (2, "duplicate"), (3, "invalid_number"), (4, "no_number"), (5, "no_number"), (6, "missing_field"),
        (7, "missing_field"), (8, "opted_out"),
    ]  # fmt: skip
    assert made.rejected_counts["missing_field"] == 2
    assert all(row.detail for row in made.rejected())
    assert next(made.campaign.status().rows()).text == "Hi Ann"


@pytest.mark.parametrize("field", ["phone", "phone_number", "number", "to", "Phone", " TO "])
def test_number_is_found_under_its_usual_names(plan, field):
    assert plan([{field: "+12025550100"}], "Hi").valid == 1
    assert plan([{field: 12025550100.0}], "Hi", journal=None).valid == 1


@pytest.mark.parametrize(
    "opt_out",
    ["+1 202-555-0101", "12025550101", "0012025550101", "(202) 555-0101", "202.555.0101", "tel:+1-202-555-0101",
     "٠٠١٢٠٢٥٥٥٠١٠١", "+12025550101 ", 12025550101],
)  # fmt: skip
@pytest.mark.parametrize("region", [None, "US", "DE"])
def test_opt_outs_in_every_spelling_are_kept_to(plan, opt_out, region):
    made = plan([ANN, BOB], opt_outs=[opt_out, "STOP", "12345"], default_region=region)

    assert [(row.row, row.reason) for row in made.rejected()] == [(2, "opted_out")]


def test_opt_out_function_that_raises_leaves_no_plan(plan, tmp_path):
    def fail(_number):
        raise LookupError("no database")

    with pytest.raises(LookupError):
        plan([ANN], opt_outs=fail)
    with pytest.raises(JournalError, match="nothing was sent; begin again with the table and this journal"):
        Campaign.open(tmp_path / "journal.db")
    assert plan([ANN]).valid == 1


@pytest.mark.parametrize("number", ["4.91511E+12", "1.20256e+10", "1.2025550101E10"])
def test_number_that_a_spreadsheet_has_shortened_is_rejected(plan, number):
    (row,) = plan([{"phone": number, "name": "Ann"}], default_region="SG").rejected()

    assert row.reason == "invalid_number"
    assert "format its column as text" in row.detail


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"phone": float("nan"), "name": "Ann"}, "no_number"),
        ({"phone": "+12025550100", "name": float("nan")}, "missing_field"),
        ({"phone": "+12025550100", "name": "\ud83d"}, "invalid_text"),
        ({"phone": "\ud83d", "name": "Ann"}, "invalid_number"),
    ],
)
def test_values_that_are_no_text_are_rejected(plan, row, reason):
    made = plan([row, BOB])

    assert [one.reason for one in made.rejected()] == [reason]
    assert made.valid == 1


def test_rows_that_cannot_be_compared_are_an_error(plan):
    circle = {}
    circle["x"] = circle
    for extra in ({1: "a", "b": "c"}, circle):
        with pytest.raises(ConfigurationError, match="row 2 holds more than plain values"):
            plan([ANN, {**BOB, "extra": extra}])


def test_opt_outs_may_be_a_function(plan):
    made = plan([ANN, BOB], opt_outs=lambda number: number == "+12025550101")

    assert [row.reason for row in made.rejected()] == ["opted_out"]


def test_text_that_is_only_white_space_is_not_sent(plan):
    assert [row.reason for row in plan([ANN], "{{}}").rejected()] == []
    assert plan([{"phone": "+12025550100", "name": "\u200b"}], "{name}", journal=None).valid == 1


def test_duplicates_are_found_over_batches(plan):
    rows = [{"phone": f"+1202555{n % 1700:04d}", "name": "x"} for n in range(3000)]

    made = plan(rows)

    assert made.valid == 1700
    assert [row.row for row in made.rejected()] == list(range(1701, 3001))


def test_field_that_no_row_has_is_an_error_before_anything_is_planned(plan, tmp_path):
    with pytest.raises(TemplateError, match=r"\{nmae\}.*phone, name"):
        plan([ANN, BOB], "Hi {nmae}")
    with pytest.raises(JournalError, match="no plan"):
        Campaign.open(tmp_path / "journal.db")
    assert plan([ANN, BOB]).valid == 2  # the file can be used after all


def test_misspelt_field_is_noticed_before_all_rows_are_read(plan):
    read = []

    def rows():
        for number in range(100_000):
            read.append(number)
            yield {"phone": "x"}

    with pytest.raises(TemplateError):
        plan(rows())
    assert len(read) <= 2000


@pytest.mark.parametrize("rows", ["+12025550100", b"x", {"phone": "+12025550100"}, 5, None, [ANN, "x"], [["a"]]])
def test_rows_are_mappings(plan, rows):
    with pytest.raises(ConfigurationError, match="mapping"):
        plan(rows)


@pytest.mark.parametrize("options", [{"opt_outs": "+12025550100"}, {"campaign_id": " "}, {"campaign_id": "\udce9"},
                                     {"default_region": "XX"},
                                     {"journal": "postgres://x/y"}, {"journal": ""}, {"journal": ":memory:"},
                                     {"journal": 5}, {"journal": "/no/such/folder/j.db"}])  # fmt: skip
def test_other_arguments_are_rejected(plan, options):
    with pytest.raises(ConfigurationError):
        plan([ANN], **options)


def test_journal_may_be_a_url(plan, tmp_path):
    campaign = plan([ANN], journal=f"sqlite:///{tmp_path}/url.db").campaign

    assert campaign.path == tmp_path / "url.db"
    assert campaign.path.stat().st_mode & 0o777 == 0o600


def test_same_input_goes_on_with_the_journal(plan):
    first = plan([ANN, BOB])
    again = plan(iter([dict(reversed(ANN.items())), BOB]))

    assert again.campaign.id == first.campaign.id
    assert (again.total, again.valid) == (2, 2)
    assert len(first.campaign.id) == 21


def test_numbers_that_opt_out_later_are_taken_out_of_the_plan(plan):
    plan([ANN, BOB])

    again = plan([ANN, BOB], opt_outs=["+12025550101"])

    assert again.campaign.status().counts == {"planned": 1, "cancelled": 1}
    assert [row.reason for row in again.campaign.status().rows("cancelled")] == ["opted out"]


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ([BOB, ANN], {}, "input has changed"),
        ([ANN], {}, "input has changed"),
        ([ANN, BOB, ANN], {}, "input has changed"),
        ([ANN, {**BOB, "name": "Bobby"}], {}, "input has changed"),
        ([ANN, BOB], {"text": "Hello {name}"}, "another text"),
        ([ANN, BOB], {"default_region": "DE"}, "another text, region"),
        ([ANN, BOB], {"ttl": 60}, "option"),
        ([ANN, BOB], {"campaign_id": "other"}, "is of the campaign"),
    ],
)
def test_another_input_is_refused(plan, rows, options, words):
    plan([ANN, BOB])

    with pytest.raises(JournalError, match=words):
        plan(rows, **options)


def test_message_ids_depend_on_the_campaign(plan, tmp_path):
    first, second, third = (
        plan([ANN], journal=tmp_path / f"{n}.db", campaign_id=id) for n, id in enumerate(["june", "june", None])
    )
    ids = [next(made.campaign.status().rows()).id for made in (first, second, third)]

    assert ids[0] == ids[1] != ids[2]


def test_foreign_files_are_refused_and_left_as_they_are(plan, tmp_path):
    journal = tmp_path / "journal.db"
    with pytest.raises(JournalError, match="there is no journal"):
        Campaign.open(journal)
    assert not journal.exists()

    journal.write_text("a,b\n1,2\n" * 100)
    for use in (lambda: plan([ANN]), lambda: Campaign.open(journal)):
        with pytest.raises(JournalError, match="not a database"):
            use()
    assert journal.read_text() == "a,b\n1,2\n" * 100

    journal.unlink()
    foreign = sqlite3.connect(journal)
    foreign.execute("CREATE TABLE mine (x)")
    foreign.close()
    for use in (lambda: plan([ANN]), lambda: Campaign.open(journal)):
        with pytest.raises(JournalError, match="no journal of a campaign"):
            use()


def test_journal_of_another_version_is_refused(plan, tmp_path):
    plan([ANN]).campaign.close()
    file = sqlite3.connect(tmp_path / "journal.db")
    file.execute("PRAGMA user_version = 2")
    file.close()

    for use in (lambda: plan([ANN]), lambda: Campaign.open(tmp_path / "journal.db")):
        with pytest.raises(JournalError, match="another version of smsgate"):
            use()


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM campaign WHERE key = 'order'", "UPDATE campaign SET value = '{' WHERE key = 'order'",
     "UPDATE campaign SET value = '{\"x\": 1}' WHERE key = 'order'", "DROP TABLE campaign"],
)  # fmt: skip
def test_damaged_journal_is_refused(plan, tmp_path, damage):
    plan([ANN]).campaign.close()
    file = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    file.execute(damage)
    file.close()

    for use in (lambda: plan([ANN], text="Other"), lambda: Campaign.open(tmp_path / "journal.db")):
        with pytest.raises(JournalError):
            use()


def test_folder_is_no_journal(tmp_path):
    with pytest.raises(JournalError):
        Campaign.open(tmp_path)


def test_error_of_the_input_leaves_no_plan(plan, tmp_path):
    def rows():
        yield ANN
        raise OSError("the input broke off")

    with pytest.raises(OSError, match="broke off"):
        plan(rows())
    with pytest.raises(JournalError, match="no plan"):
        Campaign.open(tmp_path / "journal.db")
    assert plan([ANN]).valid == 1


def test_full_disk_leaves_no_plan(plan, tmp_path, monkeypatch):
    def small(path):
        connection = connect(path)
        connection.execute("PRAGMA max_page_count = 20")
        return connection

    rows = [{"phone": f"+1202555{n:04d}", "name": "x" * 100} for n in range(3000)]
    with monkeypatch.context() as patch:
        patch.setattr(planner, "connect", small)
        with pytest.raises(JournalFullError, match="free some disk space"):
            plan(rows)
    assert plan(rows).valid == 3000


def test_process_that_is_killed_while_it_plans_leaves_no_plan(plan, tmp_path):
    code = """
import os, signal, sys
from smsgate.bulk import Campaign
def rows():
    for number in range(5000):
        yield {"phone": f"+1202555{number:04d}"}
    os.kill(os.getpid(), signal.SIGKILL)
Campaign.plan(rows(), "Hi", journal=sys.argv[1])
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "journal.db")], check=False)

    with pytest.raises(JournalError, match="no plan"):
        Campaign.open(tmp_path / "journal.db")
    assert plan([ANN]).valid == 1


def test_two_processes_do_not_plan_in_one_journal(plan, tmp_path):
    def rows():
        with pytest.raises(JournalLockedError, match="another process"):
            plan([BOB])
        yield ANN

    assert plan(rows()).valid == 1


def test_check_without_a_journal_cannot_run(plan):
    campaign = plan([ANN], journal=None).campaign

    with pytest.raises(ConfigurationError, match="run takes an APIClient"):
        campaign.run(None)


def test_damaged_journal_is_an_error_of_ours_wherever_it_is_damaged(plan, tmp_path):
    rows = [{"phone": f"+1202555{number:04d}", "name": f"Name {number}"} for number in range(300)]
    plan(rows).campaign.close()
    content = (tmp_path / "journal.db").read_bytes()
    chance = random.Random(5)
    errors = []
    for number in range(100):
        copy = bytearray(content)
        begin = chance.randrange(100, len(copy) - 4096)
        copy[begin : begin + 4096] = chance.choice([bytes(4096), chance.randbytes(40), b""])
        path = tmp_path / f"{number}.db"
        path.write_bytes(copy)
        try:
            with Campaign.open(path) as campaign:
                list(campaign.status().rows())
                write_csv_report(campaign.status(), tmp_path / "r.csv")
        except JournalError as error:
            errors.append(str(error))

    assert len(errors) > 30
    assert all(f"{tmp_path}" in error for error in errors)
