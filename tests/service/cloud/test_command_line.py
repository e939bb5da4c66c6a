"""`openharbor cloud …` as people and scripts meet it (cli.md): exit codes, one line for what failed, `--json`."""

import base64
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from standardwebhooks import Webhook

from harness.api import Api
from harness.clouds import TOWER, CloudDatabase, cloud, example_catalog, token
from harness.command_line import COMMANDS
from harness.processes import OPENHARBOR, openharbor, until

from .contract import PREFIX
from .forging import jwks
from .receiver import receiving
from .rows import all_rows, rows

PASSWORD = "hunter2-and-more"
SERVED = ("openharbor cloud serve", "openharbor cloud worker")


class Command:
    """`openharbor cloud …` on one database."""

    def __init__(self, *flags: str) -> None:
        self._flags = flags

    def __call__(self, *words: str, stdin: str = "") -> CompletedProcess[str]:
        return openharbor("cloud", *words, *self._flags, stdin=stdin, check=False)

    def json(self, *words: str, stdin: str = "") -> dict[str, object]:
        """The one document that it prints, and nothing else."""
        done = self(*words, "--json", stdin=stdin)
        assert (done.returncode, done.stderr) == (0, ""), done
        found: dict[str, object] = json.loads(done.stdout)
        assert done.stdout.count("\n") == 1
        return found


def refused(done: CompletedProcess[str], said: str, code: int = 1) -> None:
    """One line on stderr that says what and why, nothing on stdout, and the exit code."""
    assert (done.returncode, done.stdout) == (code, ""), done
    assert done.stderr.startswith("openharbor: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert re.search(said, done.stderr), done.stderr
    assert "unexpectedly" not in done.stderr


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/new/cloud.db"


@pytest.fixture
def command(url: str) -> Command:
    return Command("--database", url)


@pytest.fixture(scope="module")
def beside(database: CloudDatabase) -> Command:
    """Commands on the database that this module's tests share: nobody serves it."""
    return Command(*database.flags)


def without_key(database: CloudDatabase) -> Command:
    return Command("--database", database.url)


# A first start ----------------------------------------------------------


def test_a_second_init_makes_only_what_is_missing(command: Command, url: str, tmp_path: Path) -> None:
    first = command.json("init")
    key = tmp_path / "new" / "master.key"
    assert first == {"database": url, "masterKeyFile": str(key), "signingKeyMade": True}
    assert key.stat().st_mode & 0o777 == 0o600
    before, secret = all_rows(url, but=frozenset()), key.read_bytes()
    assert command.json("init") == {**first, "signingKeyMade": False}
    assert (all_rows(url, but=frozenset()), key.read_bytes()) == (before, secret)
    assert "keep a copy" in command("init").stdout


def test_without_init_there_is_nothing_to_serve_or_change(command: Command, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for words in (
        ("serve", "--port", "0"),
        ("worker",),
        ("import", str(example_catalog())),
        ("organization", "create", "Acme"),
        ("master-key", "rotate"),
    ):
        refused(command(*words), "There is no cloud in this database; run `openharbor cloud init`")
    assert not (tmp_path / "new" / "master.key").exists()


def test_a_place_where_nothing_can_be_made_is_named() -> None:
    refused(Command("--database", "sqlite:////proc/none/cloud.db")("init"), "/proc/none cannot be made")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "cloud.db").write_text("a letter to the harbour master, longer than a page of a database\n" * 20)
    refused(
        Command("--database", f"sqlite:///{tmp_path}/cloud.db")("init"), "cloud.db cannot be opened: .*not a database"
    )


# Catalogs ---------------------------------------------------------------


def test_a_catalog_is_imported_once_however_often(command: Command) -> None:
    command.json("init")
    first, second = (command.json("import", str(example_catalog())) for _ in range(2))
    assert first["lockers"] == {"created": 20, "changed": 0, "unchanged": 0, "missing": []}
    assert second["lockers"] == {"created": 0, "changed": 0, "unchanged": 20, "missing": []}


def test_every_fault_of_a_catalog_has_its_file_and_line_and_nothing_is_imported(
    database: CloudDatabase, tmp_path: Path
) -> None:
    beside, before = without_key(database), all_rows(database.url, but=frozenset({"audit"}))
    text = example_catalog().read_text().replace("lat = 35.3127658", "lat = 135.3").replace('"large"\n', '"huge"\n', 1)
    bad = tmp_path / "bad.toml"
    bad.write_text(text)
    done = beside("import", str(bad))
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.removeprefix("openharbor: ").splitlines()
    assert lines[0] == f"{bad}:{text.split('lat =')[0].count(chr(10)) + 1}: locations[1].lat: must be -90 to 90"
    assert len(lines) == 3
    assert all(re.match(rf"{re.escape(str(bad))}:\d+: [a-z_]+\[\d+\]", line) for line in lines), lines
    assert all_rows(database.url, but=frozenset({"audit"})) == before


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read: No such file"), ("x = = 1", ":1: is not valid TOML")]
)
def test_a_catalog_that_cannot_be_read_is_named(
    database: CloudDatabase, tmp_path: Path, content: str | None, said: str
) -> None:
    file = tmp_path / "catalog.toml"
    if content is not None:
        file.write_text(content)
    refused(without_key(database)("import", str(file)), rf"{re.escape(str(file))}.*{said}")


# Organizations, operators, towers ---------------------------------------


def test_a_client_gets_a_secret_and_an_organization_more_than_one_client(beside: Command) -> None:
    first, second = (beside.json("organization", "create", "Post Co") for _ in range(2))
    assert first["organizationId"] == second["organizationId"]
    assert first["clientId"] == "post-co" != second["clientId"]
    assert first["clientSecret"] != second["clientSecret"]
    refused(beside("organization", "create", " "), "1 to 200", code=2)


def test_clients_are_listed_without_their_secrets_and_revoked(own_database: CloudDatabase) -> None:
    command = Command(*own_database.flags)
    listed = command("client", "list", "--json").stdout
    assert {one["clientId"] for one in json.loads(listed)} >= {own_database.acme.client_id}
    assert own_database.acme.secret not in listed
    assert command.json("client", "revoke", own_database.acme.client_id)["revokedAt"] is not None
    refused(command("client", "revoke", "nobody"), "nobody")
    refused(command("client", "claims", own_database.acme.client_id, "owner"), "revoked")


def test_the_staff_claims_of_a_client_are_set_as_a_whole(own_database: CloudDatabase) -> None:
    command, client_id = Command(*own_database.flags), own_database.library.client_id
    assert command.json("client", "claims", client_id, "technician", "owner")["claims"] == ["owner", "technician"]
    assert f"client {client_id} may ask for developer" in command("client", "claims", client_id, "developer").stdout
    assert command.json("client", "claims", client_id)["claims"] == []
    assert "no staff claim" in command("client", "claims", client_id).stdout
    refused(command("client", "claims", "nobody", "owner"), "nobody")
    assert command("client", "claims", client_id, "locker_pickup").returncode == 2


def test_a_lost_master_key_is_not_made_anew(own_database: CloudDatabase) -> None:
    own_database.master_key_file.unlink()
    refused(Command(*own_database.flags)("init"), re.escape(str(own_database.master_key_file)))
    assert not own_database.master_key_file.exists()


def test_an_operator_is_made_once(beside: Command) -> None:
    made = beside.json("operator", "create", "ops@example.com")
    assert (made["email"], len(str(made["password"]))) == ("ops@example.com", 43)
    refused(beside("operator", "create", "OPS@example.com"), "ops@example.com exists already")
    brought = beside.json("operator", "create", "two@example.com", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert brought == {"email": "two@example.com"}


def test_a_tower_is_provisioned_once_and_again_only_for_a_reason(beside: Command, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    refused(beside("tower", "provision", TOWER, "--out", str(first)), "was provisioned already")
    again = ("tower", "provision", TOWER, "--replace", "the board was flooded")
    made = beside.json(*again, "--out", str(first))
    assert (made["towerId"], made["rotation"], made["eventEpoch"]) == (TOWER, 2, 2)
    refused(beside(*again, "--out", str(first)), "never overwritten")
    refused(
        beside("tower", "provision", "0100000000000099", "--out", str(second)), "There is no tower 0100000000000099"
    )
    assert not second.exists()
    assert json.loads(first.read_text())["key"]["root"] not in json.dumps(made)


def test_a_key_of_a_tower_is_rolled_over_one_at_a_time(beside: Command) -> None:
    tower = "0100000000000175"
    assert beside.json("tower", "rotate-key", tower)["state"] == "installing"
    refused(beside("tower", "rotate-key", tower), "waits for the tower")


# Keys -------------------------------------------------------------------


def test_a_wrong_master_key_is_told_and_nothing_is_ever_sealed_under_it(
    database: CloudDatabase, tmp_path: Path
) -> None:
    other = tmp_path / "other.key"
    other.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
    other.chmod(0o600)
    wrong, out = Command("--database", database.url, "--master-key-file", str(other)), str(tmp_path / "tower.json")
    before = all_rows(database.url, but=frozenset())
    for words in (
        ("serve", "--port", "0"),
        ("init",),
        ("tower", "provision", TOWER, "--out", out, "--replace", "no reason"),
        ("tower", "rotate-key", TOWER),
        ("signing-key", "rotate"),
        ("master-key", "rotate"),
    ):
        refused(wrong(*words), "start with the master key file that belongs to this database")
    assert all_rows(database.url, but=frozenset()) == before
    assert not Path(out).exists()


def test_a_master_key_file_that_is_missing_open_to_others_or_none_is_told(
    database: CloudDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "some.key"
    serve = Command("--database", database.url, "--master-key-file", str(file))
    refused(serve("serve"), "does not exist")
    file.write_text(base64.b64encode(os.urandom(32)).decode())
    file.chmod(0o644)
    refused(serve("serve"), "chmod 600")
    file.chmod(0o600)
    file.write_text("not a key")
    refused(serve("serve"), "is no master key file")


def test_a_new_master_key_opens_everything_that_was_sealed_before(own_database: CloudDatabase, tmp_path: Path) -> None:
    database = own_database
    with receiving() as receiver:
        with cloud(database, tmp_path / "log") as served:
            endpoint = served.api().post(f"{PREFIX}/webhook-endpoints", {"url": receiver.url}).body
            request = {"locationId": 54, "lockerTypeId": 2}
            link = served.api().post(f"{PREFIX}/locker-open-requests/dropoff-locker-request", request).body
            known = jwks(served)
        before = database.master_key_file.read_bytes()
        assert Command(*database.flags).json("master-key", "rotate")["sealed"] == sealed_secrets(database.url)
        assert database.master_key_file.read_bytes() != before
        with cloud(database, tmp_path / "log") as served:
            assert jwks(served) == known
            assert served.api().post(f"{PREFIX}/webhook-endpoints/{endpoint['id']}/test").status == 202
            until(lambda: len(receiver.received) > 1, within=30)
            for one in receiver.received:
                assert Webhook(endpoint["secret"]).verify(one.body, one.headers)
            holder = Api(served.url, {"Authorization": f"Bearer {link['linkToken'].rsplit('/', 1)[1]}"})
            assert holder.post(f"{PREFIX}/locker-open-requests/{link['id']}/tokens").status == 200
    old = tmp_path / "old.key"
    old.write_bytes(before)
    old.chmod(0o600)
    done = Command("--database", database.url, "--master-key-file", str(old))("serve")
    refused(done, "start with the master key file that belongs to this database")


def sealed_secrets(url: str) -> int:
    """One tower's key for each tower, the signing key, the endpoint's secret and the links'."""
    columns = {"tower_keys": "sealed_root", "signing_keys": "sealed_private", "webhook_endpoints": "sealed_secret"}
    counts = [rows(url, f"SELECT COUNT({column}) FROM {table}") for table, column in columns.items()]
    return sum(int(count) for ((count,),) in counts) + len(rows(url, "SELECT name FROM secrets"))


def test_a_new_signing_key_is_published_before_it_signs(own_database: CloudDatabase, tmp_path: Path) -> None:
    database = own_database
    made = Command(*database.flags).json("signing-key", "rotate")
    refused(Command(*database.flags)("signing-key", "rotate"), "The last rotation is not over")
    with cloud(database, tmp_path / "log") as served:
        first, second = jwks(served)
        assert second["kid"] == made["keyId"]
        header = token(served.url, database.acme).split(".")[0]
        assert json.loads(base64.urlsafe_b64decode(header + "==="))["kid"] == first["kid"]
    assert str(made["signsFrom"]) > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())


# Processes and servers --------------------------------------------------


def test_an_sqlite_database_has_one_process_at_a_time(own_database: CloudDatabase, tmp_path: Path) -> None:
    with cloud(own_database, tmp_path / "log") as served:
        again = Command(*own_database.flags)
        for words in (("serve", "--port", "0"), ("worker",), ("organization", "create", "Late Co"), ("init",)):
            refused(again(*words), "cloud.db is in use by another process; stop that one first")
        assert served.api().get(f"{PREFIX}/locker-types").status == 200


def test_a_port_that_is_taken_is_named(database: CloudDatabase) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(Command(*database.flags)("serve", "--port", str(port)), f"{port}")


def test_a_worker_says_that_it_works_and_ends_when_told(own_database: CloudDatabase) -> None:
    command = [*OPENHARBOR, "cloud", "worker", *own_database.flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "openharbor cloud worker ready\n"
        worker.terminate()
        assert worker.wait(40) == 0


def test_a_server_that_is_not_reachable_is_named_without_its_password(database: CloudDatabase) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens
        where = f"127.0.0.1:{unused.getsockname()[1]}/parcels"
        flags = ("--database", f"postgresql://harbor:{PASSWORD}@{where}", *database.flags[2:])
        for words in (("serve",), ("init",), ("import", str(example_catalog()))):
            done = Command(*(flags if words[0] != "import" else flags[:2]))(*words)
            refused(done, rf"postgresql://harbor@{re.escape(where)} cannot be r\w+: .*refused", code=4)
            assert PASSWORD not in done.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://u:{PASSWORD}@[bad/db", "is not the URL of a PostgreSQL database"),
        (f"mysql://u:{PASSWORD}@127.0.0.1/db", "is not the URL of an SQLite database"),
        ("cloud.db", r"is not the URL of an SQLite database \(sqlite:///PATH\)"),
    ],
)
def test_what_is_no_url_of_a_database_is_refused_without_showing_it(
    database: CloudDatabase, url: str, said: str
) -> None:
    done = Command("--database", url, *database.flags[2:])("init")
    refused(done, said)
    assert PASSWORD not in done.stderr


def test_a_server_needs_a_master_key_file_to_be_named() -> None:
    refused(Command("--database", "postgresql://harbor@127.0.0.1:1/db")("init"), "--master-key-file", code=2)


# The commands as such ---------------------------------------------------


def test_every_command_has_been_run_for_its_json(words_with_json: Sequence[str]) -> None:
    tried = {"init", "import", "organization create", "operator create", "tower provision", "tower rotate-key"}
    tried |= {"client list", "client claims", "client revoke", "master-key rotate", "signing-key rotate"}
    assert set(words_with_json) == tried


@pytest.fixture
def words_with_json() -> list[str]:
    """What prints data: everything but what serves."""
    commands = [name for name in COMMANDS if name.startswith("openharbor cloud ") and name not in SERVED]
    return [name.removeprefix("openharbor cloud ") for name in commands]


def test_help_shows_an_example_of_every_command(words_with_json: Sequence[str]) -> None:
    for name in (*words_with_json, "serve", "worker"):
        command = COMMANDS[f"openharbor cloud {name}"]
        assert f"Example: openharbor cloud {name}" in command.help, name
        if name in words_with_json:
            assert "--json" in {option for one in command.params for option in one.opts}, name


def test_wrong_usage_is_exit_code_2(database: CloudDatabase) -> None:
    for words in (("nonsense",), ("init", "--nonsense"), ("tower", "provision")):
        done = Command(*database.flags)(*words)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert "Traceback" not in done.stderr
