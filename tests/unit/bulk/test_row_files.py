"""Files with rows: formats, encodings and delimiters that are detected, and errors that name the place."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from datetime import datetime

import pytest

from eventually import LIMIT
from smsgate.bulk import RowFile, RowFileError, read_opt_outs
from smsgate.errors import ConfigurationError

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("charset_normalizer")


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="rows.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.fixture
def workbook(tmp_path):
    def write_workbook(rows, *, sheets=("Contacts",), formats=()):
        book = openpyxl.Workbook()
        book.active.title = sheets[0]
        for name in sheets[1:]:
            book.create_sheet(name)
        for row in rows:
            book[sheets[-1]].append(row)
        for cell, number_format in formats:
            book[sheets[-1]][cell].number_format = number_format
        path = tmp_path / "rows.xlsx"
        book.save(path)
        return path

    return write_workbook


def read(path, **options):
    with RowFile(path, **options) as file:
        return list(file)


def test_table_is_described_and_read(write):
    with RowFile(write("phone,name\n+12025550100, Anna \n\n+12025550101,Ben\n")) as file:
        assert file.description == "CSV, UTF-8, separated by commas"
        assert file.columns == ("phone", "name")
        assert list(file) == [{"phone": "+12025550100", "name": "Anna"}, {"phone": "+12025550101", "name": "Ben"}]
        assert list(file) == list(file)
        assert file.guess == ""


@pytest.mark.parametrize(
    ("codec", "shown"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp1252", "cp1252"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encoding_delimiter_and_line_ends_are_detected(write, codec, shown, delimiter, line_end):
    lines = [["phone", "name"], ["+4915112345678", "Jörg"], ["+4915112345679", f'"Groß{delimiter} Änne"']]
    text = line_end.join(delimiter.join(line) for line in lines)

    with RowFile(write(text.encode(codec))) as file:
        assert f"CSV, {shown}, separated by " in file.description
        assert [row["name"] for row in file] == ["Jörg", f"Groß{delimiter} Änne".strip()]
        assert file.guess == ("Jörg" if codec == "cp1252" else "")


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("cp1252", "Hélène"),
        ("cp1251", "Алексей"),
        ("shift_jis", "田中太郎"),
        ("gb18030", "张伟先生"),
    ],
)
def test_encodings_of_other_scripts_are_guessed_and_shown(write, codec, name):
    text = "phone;name\n" + "".join(f"+49151123456{number:02};{name}\n" for number in range(50))

    with RowFile(write(text.encode(codec))) as file:
        assert {row["name"] for row in file} == {name}
        assert file.guess == name.split()[0]


def test_one_letter_that_is_not_ascii_is_no_other_script(write):
    for name in ("Jörg", "Zoë", "Ann 5 €"):
        assert read(write(f"phone;name\n+12025550100;{name}\n".encode("cp1252")))[0]["name"] == name


def test_character_far_into_the_file_decides_the_encoding(write):
    text = "phone,name\n" + "+12025550100,Anna\n" * 100_000 + "+12025550101,Zoë\n"

    assert read(write(text.encode("cp1252")))[-1]["name"] == "Zoë"


def test_named_options_win(write):
    path = write("phone:name\n+12025550100:Łukasz\n".encode("cp1250"))

    assert read(path, encoding="cp1250", delimiter=":") == [{"phone": "+12025550100", "name": "Łukasz"}]


@pytest.mark.parametrize(
    "options", [{"encoding": "x-none"}, {"encoding": "base64"}, {"delimiter": ""}, {"delimiter": ";;"}]
)
def test_wrong_options_are_configuration_errors(write, options):
    with pytest.raises(ConfigurationError):
        RowFile(write("phone\n+12025550100\n"), **options)


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\nphone;name\r\n+12025550100;Doe, Ann\r\n",
        "phone;name\n+12025550100;Doe, Ann\n",
        'phone,name\n+12025550100,"Doe, Ann"\n',
    ],
)
def test_delimiter_within_a_value_does_not_decide(write, text):
    assert read(write(text)) == [{"phone": "+12025550100", "name": "Doe, Ann"}]


def test_one_column_is_a_table(write):
    assert read(write("phone\n+12025550100\n+12025550101\n")) == [
        {"phone": "+12025550100"},
        {"phone": "+12025550101"},
    ]


def test_short_rows_have_empty_fields_and_empty_columns_are_ignored(write):
    assert read(write("phone,name,,\n+12025550100\n+12025550101,Ben,,\n")) == [
        {"phone": "+12025550100", "name": ""},
        {"phone": "+12025550101", "name": "Ben"},
    ]


def test_value_in_quotes_may_have_lines_and_quotes(write):
    assert read(write('phone,note\n+12025550100,"two\nlines, ""quoted"""\n'))[0]["note"] == 'two\nlines, "quoted"'


def test_number_column_can_be_named(write):
    path = write("Mobil,name,phone\n+12025550100,Ann,home\n")

    assert read(path, number_column="Mobil")[0] == {"phone": "+12025550100", "name": "Ann", "Mobil": "+12025550100"}
    with pytest.raises(RowFileError, match="no column 'Handy'; the columns are: Mobil, name, phone"):
        RowFile(path, number_column="Handy")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\ufeff\r\n  \n", "the file is empty"),
        ("\ufeff", "the file is empty"),
        (",,\n+12025550100,a,b\n", "line 1: no names of columns|a number instead"),
        ("+12025550100,Ann\n+12025550101,Ben\n", "line 1: a number instead of names of columns"),
        ("Ann,(202) 555-0100\n", "line 1: a number instead of names of columns"),
        ("phone,name,Name\n+12025550100,a,b\n", "line 1: two columns are named 'name'"),
        ("phone,name\n+12025550100,a\0b\n", "line 2: a NUL character"),
        ('phone,name\n+12025550100,Ann\n+12025550101,"Ben\n+12025550102,C\n', "line 3: a value in quotes does not end"),
        ('phone,name\n+12025550100,"Ann"x\n', "line 2: text after the closing quote"),
        ("phone,name\n+12025550100,Doe, Ann\n", "line 2: 3 values for 2 columns"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Excel file"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "compressed"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"SQLite format 3\0" + b"\0" * 100, "an SQLite database"),
        (b"PK\x03\x04broken", "no Excel workbook"),
        ('{"phone": "+12025550100"}\n{"phone": \n', "line 2: no JSON object"),
        ('{"phone": "+12025550100"}\n\n"text"\n', "line 3: no JSON object"),
        ('[{"phone": "+12025550100"}]', "line 1: no JSON object; write one object a line"),
        ('{"phone": "1", "phone": "2"}', "line 1: .*'phone' stands there twice"),
        ('{"phone": NaN}', "line 1: no JSON object"),
        ('{"phone": ' + "[" * 100_000, "line 1: no JSON object"),
        ('{"phone": "' + "1" * 2_000_000 + '"}', "line 1: more than"),
    ],
)
def test_broken_file_is_an_error_that_names_file_and_place(write, content, message):
    path = write(content)
    with pytest.raises(RowFileError, match=message) as caught:
        read(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < 500


def test_quote_that_swallows_the_file_is_found_early(write):
    path = write('phone,name\n+12025550100,"Ann\n' + "+12025550101,Ben\n" * 200_000)

    with pytest.raises(RowFileError, match="line 2: a value in quotes does not end"):
        read(path)


def test_bytes_that_are_not_in_the_named_encoding(write):
    with pytest.raises(RowFileError, match="bytes that are no text"):
        read(write("phone,name\n+12025550100,Jörg\n".encode("cp1252")), encoding="utf-8")


@pytest.mark.parametrize("path", ["missing.csv", "."])
def test_file_that_cannot_be_opened(path, tmp_path):
    with pytest.raises(RowFileError, match=r"No such file|Is a directory"):
        RowFile(tmp_path / path)


def test_pipe_is_read(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    thread = threading.Thread(target=path.write_text, args=("phone,name\n+12025550100,Ann\n",))
    thread.start()
    try:
        assert read(path) == [{"phone": "+12025550100", "name": "Ann"}]
    finally:
        thread.join()


def test_numbers_of_a_workbook_stay_digits(workbook):
    path = workbook(
        [
            ["phone", "amount", "day", "member", "code", None],
            [12025550100, 1.5, datetime(2030, 1, 2), True, 42, None],  # noqa: DTZ001 - cells have no zone
            [1.2025550101e10, 3.0, datetime(2030, 1, 2, 9, 30), False, 7, None],  # noqa: DTZ001
            [None] * 6,
            ["+12025550102", 1e21, None, None, None, None],
        ],
        formats=[("E2", "00000"), ("E3", "00000")],
    )

    with RowFile(path) as file:
        assert file.description == "XLSX, sheet 'Contacts'"
        assert list(file) == [
            {"phone": "12025550100", "amount": "1.5", "day": "2030-01-02", "member": "yes", "code": "00042"},
            {"phone": "12025550101", "amount": "3", "day": "2030-01-02 09:30:00", "member": "no", "code": "00007"},
            {"phone": "+12025550102", "amount": "1" + "0" * 21, "day": "", "member": "", "code": ""},
        ]


def test_sheet_can_be_named(workbook):
    path = workbook([["phone"], ["+12025550100"]], sheets=("Notes", "People"))

    assert read(path, sheet="People") == [{"phone": "+12025550100"}]
    with pytest.raises(RowFileError, match="no sheet 'Peopel'; the workbook has: 'Notes', 'People'"):
        read(path, sheet="Peopel")
    with pytest.raises(RowFileError, match="the file is empty; if another sheet than 'Notes' holds the rows, name it"):
        read(path)


def test_sheet_that_openpyxl_cannot_read_is_an_error_of_ours(tmp_path):
    book = openpyxl.Workbook()
    book.create_chartsheet("Chart")  # without a chart, which openpyxl itself writes but does not read
    book.save(tmp_path / "rows.xlsx")

    with pytest.raises(RowFileError, match="no Excel workbook"):
        RowFile(tmp_path / "rows.xlsx")


def test_hidden_sheets_are_passed_over_and_others_are_named(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Lists"
    book.active.append(["country"])
    book.active.sheet_state = "hidden"
    for name in ("June", "July"):
        book.create_sheet(name).append(["phone"])
        book[name].append([f"of {name}"])
    book.save(tmp_path / "rows.xlsx")

    with RowFile(tmp_path / "rows.xlsx") as file:
        assert file.description == "XLSX, sheet 'June', not 'July'"
        assert list(file) == [{"phone": "of June"}]
    with RowFile(tmp_path / "rows.xlsx", sheet="Lists") as file:
        assert file.description == "XLSX, sheet 'Lists'"
        assert file.columns == ("country",)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["phone", "Phone"], ["1", "2"]], "row 1: two columns are named"),
        ([["phone"], ["1", "2"]], "row 2: 2 values for 1 columns"),
        ([[12025550100, "Ann"]], "row 1: a number instead of names"),
    ],
)
def test_broken_sheet_names_the_row(workbook, rows, message):
    with pytest.raises(RowFileError, match=message):
        read(workbook(rows))


def test_damaged_sheet_is_an_error_of_ours(workbook, tmp_path):
    source = workbook([["phone"], *([f"+1202555{number:04}"] for number in range(500))])
    damaged = tmp_path / "damaged.xlsx"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(damaged, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[: len(content) // 2] if "sheet1" in name else content)

    with pytest.raises(RowFileError):
        read(damaged)


def test_other_documents_in_zip_files_are_no_workbooks(tmp_path):
    path = tmp_path / "rows.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", "<x/>")

    with pytest.raises(RowFileError, match="no Excel workbook"):
        RowFile(path)


def test_json_lines_keep_numbers_as_they_are_written(write):
    lines = [
        '{"phone": 12025550100, "amount": 1.50, "n": null}',
        "",
        '{"phone": 1.20255501E10, "tags": ["a"], "x": 1e999}',
    ]
    with RowFile(write("\n".join(lines))) as file:
        assert file.description == "JSON lines, UTF-8"
        first, second = file
    assert first == {"phone": "12025550100", "amount": "1.50", "n": None}
    assert second["phone"] == "12025550100"


def test_large_table_is_read_in_constant_memory(write):
    text = io.StringIO()
    for number in range(100_000):
        text.write(f"+1202555{number:06},Name {number}\n")
    path = write("phone,name\n" + text.getvalue())
    json_path = write("".join(json.dumps({"phone": str(number)}) + "\n" for number in range(100_000)), "rows.jsonl")
    for each in (path, json_path):
        tracemalloc.start()
        with RowFile(each) as file:
            assert sum(1 for _ in file) == 100_000
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert peak < 8 * 1024 * 1024


def test_opt_outs_are_one_a_line_with_comments(write):
    path = write('# people who said STOP\n+12025550100\n\n (202) 555-0101  # by phone\n"+12025550102",2030-01-01\n')

    assert list(read_opt_outs(path)) == ["+12025550100", "(202) 555-0101", "+12025550102"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_opt_outs_are_the_first_column_of_a_table(write, delimiter):
    path = write(f"phone{delimiter}day\n+12025550100{delimiter}2030-01-01\n")

    assert list(read_opt_outs(path)) == ["phone", "+12025550100"]


def test_missing_opt_out_file_is_an_error(tmp_path):
    with pytest.raises(RowFileError, match="No such file"):
        list(read_opt_outs(tmp_path / "none.txt"))


INTERRUPTED = """
import _thread, os, sys, threading
from contextlib import suppress
from smsgate.bulk import RowFile

def write():
    with suppress(BrokenPipeError), open(sys.argv[1], "w") as file:
        file.write("phone\\n")
        file.flush()
        _thread.interrupt_main()  # as a signal that comes just before a read
        while not is_over.wait(0.05):
            file.write("+12025550100\\n")
            file.flush()

is_over = threading.Event()
threading.Thread(target=write).start()
try:
    RowFile(sys.argv[1])
except KeyboardInterrupt:
    print("interrupted")
finally:
    is_over.set()
"""


def test_interrupt_does_not_wait_until_a_pipe_has_filled_a_buffer(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)

    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, path], capture_output=True, text=True, timeout=LIMIT, check=False
    )

    assert ended.stdout == "interrupted\n", ended.stderr
