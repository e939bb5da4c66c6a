"""`openharbor gateway …` beside a running gateway and without one: init, check, backup, api-key (cli.md)."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import Api
from harness.processes import openharbor
from harness.sites import site_file
from harness.virtual_site import PASSWORD, await_boards, found, served, virtual


def init(directory: Path, site: Path | None = None, *flags: str) -> tuple[int, str, str]:
    words = [] if site is None else ["--site", str(site)]
    done = openharbor("gateway", "init", "--data", str(directory), *words, *flags, check=False, stdin=PASSWORD)
    return done.returncode, done.stdout, done.stderr


def test_init_without_a_site_file_makes_an_empty_site_and_shows_the_password_once(tmp_path: Path) -> None:
    code, out, _ = init(tmp_path / "data", None, "--json")
    made = json.loads(out)
    assert code == 0
    assert (made["lockers"], made["controllers"]) == (0, 0)
    assert len(made["adminPassword"]) >= 12
    assert made["gatewayId"].startswith("gw-")


def test_init_takes_the_password_from_stdin_and_does_not_show_it(tmp_path: Path) -> None:
    code, out, _ = init(tmp_path / "data", None, "--admin-password-stdin", "--json")
    assert code == 0
    assert json.loads(out)["adminPassword"] is None
    assert PASSWORD not in out


def test_init_refuses_a_directory_that_is_not_empty_and_leaves_it_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    code, out, err = init(tmp_path)
    assert (code, out) == (1, "")
    assert "not an empty directory" in err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


FAULTS: dict[str, tuple[Callable[[str], str], list[str]]] = {
    "two lockers on one board position": (
        lambda text: text.replace("bankLockerNumber = 2", "bankLockerNumber = 1"),
        ["bankTypes[1].associations[2].bankLockerNumber"],
    ),
    "positions with a gap": (
        lambda text: text.replace("bankLockerNumber = 2", "bankLockerNumber = 4"),
        ["bankTypes[1].associations", "2 is missing"],
    ),
    "a locker type that the file lacks": (
        lambda text: text.replace('lockerType = "medium"', 'lockerType = "giant"', 1),
        ["bankTypes[1].associations[1].lockerType", "giant"],
    ),
    "a bank type that the file lacks": (
        lambda text: text.replace("bankTypeId = 3\n", "bankTypeId = 9\n").replace(
            "bankTypeId = 9\n", "bankTypeId = 3\n", 1
        ),
        ["controllers[1].bankTypeId"],
    ),
    "an unknown key": (
        lambda text: text.replace("siteName =", "siteNames ="),
        ["siteNames", "not a known key"],
    ),
    "a setting out of range": (
        lambda text: text.replace("openDetectionSeconds = 2", "openDetectionSeconds = 19"),
        ["settings.openDetectionSeconds", "must be 1 to 18"],
    ),
    "a slug given twice": (
        lambda text: text.replace('slug = "large"', 'slug = "small"'),
        ["lockerTypes[3].slug"],
    ),
    "a url that its driver refuses": (
        lambda text: text.replace("lockers=3", "lockers=3&colour=red"),
        ["controllers[1].address", "colour"],
    ),
    "a bank with more lockers than its board has locks": (
        lambda text: text.replace("lockers=3", "lockers=2"),
        ["controllers[1].bankTypeId", "the bank has 3 lockers"],
    ),
    "text that is not TOML": (lambda text: text + "\n[[[", ["not valid TOML"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_site_file_with_a_fault_is_refused_naming_table_position_and_key_and_nothing_is_written(
    tmp_path: Path, fault: str
) -> None:
    spoil, named = FAULTS[fault]
    site = site_file(tmp_path / "site.toml", [virtual("a", 3)])
    whole = site.read_text()
    site.write_text(spoil(whole))
    assert site.read_text() != whole
    code, out, err = init(tmp_path / "data", site)
    assert (code, out) == (1, "")
    for words in named:
        assert words in err, err
    assert "Traceback" not in err
    assert not (tmp_path / "data").exists()


def test_two_controllers_on_one_board_position_are_refused_however_their_addresses_are_written(tmp_path: Path) -> None:
    boards = [("kerong-cu16+tcp://127.0.0.1:5000?board=1", 2), ("kerong-cu16+tcp://127.0.0.1?locks=8&board=1", 2)]
    code, _, err = init(tmp_path / "data", site_file(tmp_path / "site.toml", boards))
    assert code == 1
    assert "controllers[2].address" in err
    assert not (tmp_path / "data").exists()


def test_every_fault_of_a_site_file_is_listed_at_once(tmp_path: Path) -> None:
    site = site_file(tmp_path / "site.toml", [virtual("a", 3)])
    text = (
        site.read_text().replace("widthMm = 100", "widthMm = 0").replace("bankLockerNumber = 2", "bankLockerNumber = 1")
    )
    site.write_text(text.replace("siteName =", "sitename ="))
    code, _, err = init(tmp_path / "data", site)
    assert code == 1
    for words in ("sitename", "lockerTypes[1].widthMm", "bankTypes[1].associations[2].bankLockerNumber"):
        assert words in err


def test_a_real_board_without_feedback_is_a_warning(tmp_path: Path) -> None:
    site = site_file(tmp_path / "site.toml", [("kerong-cu16+tcp://127.0.0.1:5000?board=0", 2)])
    code, _, err = init(tmp_path / "data", site)
    assert code == 0
    assert "warning" in err
    assert "feedback" in err


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return found(tmp_path, [virtual("a", 2)])


def use(data: Path) -> None:
    """A short working day: the audit log has something to tell afterwards."""
    with served(data) as service:
        api = Api(service.url)
        await_boards(api, 1)
        assert api.post("/transactions", {"transactionId": "t"}).status == 201
        assert api.post("/transactions/t/open").status == 200
        assert api.delete("/transactions/t").status == 204
        assert api.delete("/transactions/t").status == 404


@pytest.mark.slow
def test_check_verifies_the_journal_and_names_the_first_row_of_the_audit_log_that_was_changed(data: Path) -> None:
    use(data)
    whole = json.loads(openharbor("gateway", "check", "--data", str(data), "--json").stdout)
    assert whole["whole"] is True
    assert whole["auditEntries"] >= 5
    database = next(data.glob("*.db"))
    with sqlite3.connect(database) as connection:
        row = connection.execute("SELECT id FROM audit WHERE action = 'TRANSACTION_RELEASED'").fetchone()[0]
        connection.execute("UPDATE audit SET transaction_id = 'another' WHERE id = ?", (row,))
    connection.close()
    done = openharbor("gateway", "check", "--data", str(data), check=False)
    assert done.returncode == 1
    assert f"audit entry {row} " in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_check_notices_an_entry_that_was_taken_out(data: Path) -> None:
    use(data)
    with sqlite3.connect(next(data.glob("*.db"))) as connection:
        connection.execute("DELETE FROM audit WHERE id = 2")
    connection.close()
    done = openharbor("gateway", "check", "--data", str(data), check=False)
    assert done.returncode == 1
    assert "audit entry" in done.stderr


def test_check_of_a_directory_without_a_gateway_says_what_to_do(tmp_path: Path) -> None:
    done = openharbor("gateway", "check", "--data", str(tmp_path), check=False)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_backup_check_and_api_key_list_work_beside_a_running_gateway(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "site.backup"
    with served(data) as service:
        api = Api(service.url)
        await_boards(api, 1)
        assert api.post("/transactions", {"transactionId": "kept"}).status == 201
        made = json.loads(openharbor("gateway", "backup", "--data", str(data), str(target), "--json").stdout)
        assert made["bytes"] == target.stat().st_size > 0
        assert openharbor("gateway", "check", "--data", str(data)).returncode == 0
        assert json.loads(openharbor("gateway", "api-key", "list", "--data", str(data), "--json").stdout) == []
        assert api.delete("/transactions/kept").status == 204
    connection = sqlite3.connect(target)
    active = connection.execute("SELECT transaction_id FROM transactions WHERE released_at IS NULL").fetchall()
    connection.close()
    assert active == [("kept",)]
    again = openharbor("gateway", "backup", "--data", str(data), str(target), check=False)
    assert again.returncode == 1, "a backup never overwrites a file"


@pytest.mark.slow
def test_commands_that_write_need_the_gateway_stopped(data: Path) -> None:
    with served(data) as service:
        assert Api(service.url).get("/health").status == 200
        for words in (("create", "--name", "x", "--scope", "read"), ("revoke", "1")):
            done = openharbor("gateway", "api-key", words[0], "--data", str(data), *words[1:], check=False)
            assert done.returncode == 1
            assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        second = openharbor("gateway", "serve", "--data", str(data), "--port", "0", check=False)
        assert second.returncode == 1
        assert "Traceback" not in second.stderr


def test_api_keys_are_made_shown_once_listed_without_their_secret_and_revoked(data: Path) -> None:
    words = ("gateway", "api-key", "create", "--data", str(data), "--name", "kiosk", "--json")
    made = json.loads(openharbor(*words, "--scope", "read", "--scope", "transactions").stdout)
    assert made["key"].startswith("ohgw_")
    assert made["scopes"] == ["read", "transactions"]
    listed = openharbor("gateway", "api-key", "list", "--data", str(data), "--json").stdout
    assert made["key"] not in listed
    assert [(one["apiKeyId"], one["name"], one["expiresAt"]) for one in json.loads(listed)] == [(1, "kiosk", None)]
    openharbor("gateway", "api-key", "revoke", "--data", str(data), "1")
    assert json.loads(openharbor("gateway", "api-key", "list", "--data", str(data), "--json").stdout) == []
    again = openharbor("gateway", "api-key", "revoke", "--data", str(data), "1", check=False)
    assert again.returncode == 1
    assert "1" in again.stderr


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--name", "x", "--scope", "everything"), "everything"),
        (("--name", "x" * 101, "--scope", "read"), "100 characters"),
        (("--name", "x", "--scope", "read", "--expires", "tomorrow"), "--expires must be an RFC 3339"),
        (("--name", "x", "--scope", "read", "--expires", "2001-01-01T00:00:00Z"), "ahead"),
    ],
)
def test_a_key_that_cannot_be_is_refused_by_name(data: Path, flags: tuple[str, ...], named: str) -> None:
    done = openharbor("gateway", "api-key", "create", "--data", str(data), *flags, check=False)
    assert done.returncode == 1
    assert named in done.stderr


def test_a_damaged_journal_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"this is no database" * 100)
    done = openharbor("gateway", "check", "--data", str(tmp_path), check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "gateway.db is damaged" in done.stderr
