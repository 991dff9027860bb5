"""scripts/apidiff: which changes of the public API are breaking, and which of them are announced."""

import subprocess
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BEFORE = {
    "smsgate.Client": "class()",
    "smsgate.Error": "class(Exception)",
    "smsgate.Client.send": "method",
    "smsgate.Client.send(message)": "positional 1, str",
    "smsgate.Client.send(ttl)": "keyword, int | None = None",
    "smsgate.Client.send(kind)": "keyword, Literal['a', 'b'] | None = None",
    "smsgate.Client.send()": "State | None",
    "smsgate.Client.kind": "method",
    "smsgate.Client.kind()": "Literal['a', 'b, c']",
    "smsgate.Store": "class(Base, Protocol)",
    "smsgate.Store.load": "method",
    "smsgate.Store.load(key)": "positional 1, str",
    "smsgate.Message": "model",
    "smsgate.Message.text": "required, MaxLen(max_length=5), str",
    "smsgate.Color": "enum(str)",
    "smsgate.Color.RED": "value 'red'",
    "GET /messages": "HTTP operation, basic",
    "GET /messages query/limit": "optional, integer, maximum=100",
}


@pytest.fixture
def apidiff(monkeypatch):
    """Return a module of apidiff by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return lambda name: import_module(f"apidiff.{name}")


@pytest.mark.parametrize(
    ("place", "after", "severity"),
    [
        ("smsgate.Client.send", None, "breaking"),
        ("smsgate.Client", "class(Base)", "additive"),
        ("smsgate.Error", "class(ValueError)", "breaking"),
        ("smsgate.Error", "model", "breaking"),
        ("smsgate.Client.receive", "method", "additive"),
        ("smsgate.Client.send(kind)", "keyword, Literal['b', 'c', 'a'] | None = None", "additive"),
        ("smsgate.Client.send(kind)", "keyword, Literal['a'] | None = None", "breaking"),
        ("smsgate.Client.send(mark)", "keyword, Literal['*', ' = ']", "breaking"),
        ("smsgate.Client.kind()", "Literal['b, c']", "additive"),
        ("smsgate.Client.kind()", "Literal['a', 'b, c', 'd']", "breaking"),
        ("smsgate.Store", "class(Base, Other, Protocol)", "breaking"),
        ("smsgate.Store.save", "method", "breaking"),
        ("smsgate.Store.load(key)", "positional 1, str | bytes", "breaking"),
        ("smsgate.Store.load(more)", "keyword, str | None = None", "breaking"),
        ("smsgate.Client.send(message)", "positional 1, str | Message", "additive"),
        ("smsgate.Client.send(message)", "positional 1, bytes", "breaking"),
        ("smsgate.Client.send(message)", "positional 2, str", "breaking"),
        ("smsgate.Client.send(message)", "keyword, str", "breaking"),
        ("smsgate.Client.send(message)", "positional 1, str = ''", "additive"),
        ("smsgate.Client.send(ttl)", "keyword, int = None", "breaking"),
        ("smsgate.Client.send(ttl)", "keyword, int | None = 5", "breaking"),
        ("smsgate.Client.send(ttl)", "keyword, int | None", "breaking"),
        ("smsgate.Client.send(ttl)", "positional 2, int | None = None", "additive"),
        ("smsgate.Client.send(ttl)", None, "breaking"),
        ("smsgate.Client.send(id)", "keyword, str | None = None", "additive"),
        ("smsgate.Client.send(id)", "keyword, str", "breaking"),
        ("smsgate.Client.send(more)", "**, Any", "additive"),
        ("smsgate.Client.send()", "State", "additive"),
        ("smsgate.Client.send()", "State | None | int", "breaking"),
        ("smsgate.Client.send()", "async State", "breaking"),
        ("smsgate.Message.text", "optional, MaxLen(max_length=5), str = ''", "additive"),
        ("smsgate.Message.text", "required, MaxLen(max_length=4), str", "breaking"),
        ("smsgate.Message.text", "required, MaxLen(max_length=5), int", "breaking"),
        ("smsgate.Message.text", "required, wire name body, MaxLen(max_length=5), str", "breaking"),
        ("smsgate.Message.note", "optional, str | None = None", "additive"),
        ("smsgate.Message.note", "required, str", "breaking"),
        ("smsgate.Color.BLUE", "value 'blue'", "additive"),
        ("smsgate.Color.RED", "value 'rouge'", "breaking"),
        ("smsgate.Color", "enum(int)", "breaking"),
        ("GET /messages", "HTTP operation, bearer", "breaking"),
        ("GET /messages query/limit", "optional, integer, maximum=50", "breaking"),
        ("GET /messages query/limit", None, "breaking"),
        ("GET /messages query/new", "optional, string", "additive"),
        ("GET /messages query/new", "required, string", "breaking"),
        ("GET /devices", "HTTP operation, basic", "additive"),
    ],
)
def test_one_change_is_one_line_with_its_severity(apidiff, place, after, severity):
    facts = {**BEFORE, place: after}
    facts = {each: fact for each, fact in facts.items() if fact and not (after is None and each.startswith(place))}

    changes = [str(change) for change in apidiff("changes").compare(BEFORE, facts)]

    assert len(changes) == 1
    assert changes[0].startswith(f"{severity}: {place}: ")


def test_what_is_inside_something_new_is_not_listed(apidiff):
    compare = apidiff("changes").compare

    assert [change.place for change in compare({}, BEFORE)] == [
        "GET /messages", "smsgate.Client", "smsgate.Color", "smsgate.Error", "smsgate.Message",
            "smsgate.Store",
    ]  # fmt: skip
    assert [change.place for change in compare(BEFORE, BEFORE)] == []


@pytest.mark.parametrize(
    ("name", "place", "announced"),
    [
        ("send", "smsgate.Client.send(ttl)", True),
        ("Client.send", "smsgate.Client.send(ttl)", True),
        ("Client.send(ttl)", "smsgate.Client.send(ttl)", True),
        ("send(id)", "smsgate.Client.send(ttl)", False),
        ("Client", "smsgate.ClientOptions", False),
        ("GET /messages", "GET /messages query/limit", True),
        ("POST /messages", "GET /messages query/limit", False),
    ],
)
def test_an_announcement_names_the_place_or_something_around_it(apidiff, name, place, announced):
    snapshot, change = apidiff("snapshot"), apidiff("changes").Change(place, "a", "b", breaking=True)
    changelog = (
        f"# Changelog\n\n## [Unreleased]\n\n### Added\n\n- x\n\n### Breaking\n\n- `{name}` is new.\n\n### Fixed\n"
    )

    assert snapshot.is_announced(change, snapshot.read_announcements(changelog)) is announced


@pytest.mark.parametrize(
    "changelog",
    [
        "",
        "## [Unreleased]\n\n### Changed\n\n- `send` is new.\n",
        "## [Unreleased]\n\n### Breaking\n\n## [1.0.0]\n\n- `send` is new.\n",
        "## [Unreleased]\n\n## [1.0.0]\n\n### Breaking\n\n- `send` is new.\n",
        "## [Unreleased]\n\n### Breaking\n\n### Added\n\n- `send` is new.\n",
    ],
)
def test_other_parts_of_the_changelog_announce_nothing(apidiff, changelog):
    assert apidiff("snapshot").read_announcements(changelog) == []


@pytest.fixture
def repository(apidiff, tmp_path):
    """Run the command in a repository whose last commit holds the snapshot of BEFORE."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "public_api.txt").write_text(apidiff("snapshot").write(BEFORE))
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n")
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "first", "--no-gpg-sign"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    return tmp_path


def test_command_fails_for_a_breaking_change_until_it_is_announced(apidiff, repository, capsys):
    main = apidiff("__main__").main
    after = {**BEFORE, "smsgate.Client.send(ttl)": "keyword, int = 5"}

    assert main([], root=repository, current=lambda: BEFORE) == 0
    assert main([], root=repository, current=lambda: {**BEFORE, "smsgate.new": "function"}) == 0
    capsys.readouterr()
    assert main([], root=repository, current=lambda: after) == 1
    assert capsys.readouterr().out.splitlines() == [
        "breaking: smsgate.Client.send(ttl): keyword, int | None = None -> keyword, int = 5",
        "apidiff: 1 changes since HEAD, 1 breaking, 1 unannounced",
    ]
    (repository / "CHANGELOG.md").write_text("## [Unreleased]\n\n### Breaking\n\n- `send(ttl)` is 5 by default.\n")
    assert main(["HEAD"], root=repository, current=lambda: after) == 0
    assert capsys.readouterr().out.startswith("announced: breaking: smsgate.Client.send(ttl)")


def test_what_cannot_be_compared_is_one_line_and_exit_code_2(apidiff, repository, capsys):
    main = apidiff("__main__").main

    for revision in ("nonsense", "--help-me", "HEAD:x"):
        assert main(["--", revision], root=repository, current=dict) == 2
        assert capsys.readouterr().err.count("\n") == 1
    (repository / "tests" / "public_api.txt").write_text("send(message)\n")
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(
        ["git", "-C", str(repository), *author, "commit", "-q", "-a", "-m", "old", "--no-gpg-sign"], check=True
    )
    assert main([], root=repository, current=dict) == 2
    assert capsys.readouterr().err == "apidiff: HEAD: its snapshot has another form\n"


def test_facts_hold_signatures_limits_values_and_operations(apidiff):
    facts = apidiff("snapshot").read((ROOT / "tests" / "public_api.txt").read_text())

    assert facts["smsgate.APIClient.send(ttl)"] == "keyword, int | None = None"
    assert facts["smsgate.AsyncAPIClient.send()"] == "async MessageState"
    assert facts["smsgate.Message.priority"] == "optional, Ge(ge=-128), Le(le=127), int = 0"
    assert facts["smsgate.ProcessState.Failed"] == "value 'Failed'"
    assert facts["smsgate_api.operations.list_messages(limit)"] == "keyword, int | None = None"
    assert facts["GET /messages query/limit"] == "optional, integer, minimum=1, maximum=100"
    assert facts["smsgate.domain.Message"] == "is smsgate.Message"
    assert facts["smsgate.http.HttpxHttpClient(client)"] == "positional 1, Client | None = None"  # of a generic base


@pytest.mark.parametrize(
    ("text", "parts"),
    [("int", {"int"}), ("a | b[c | d] | None", {"a", "b[c | d]", "None"}), ("Callable[[int | str], None]", None)],
)
def test_members_of_a_union(apidiff, text, parts):
    assert apidiff("types").members(text) == (parts or {text})
