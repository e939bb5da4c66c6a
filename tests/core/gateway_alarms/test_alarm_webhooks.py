"""Webhooks of alarms: signed as webhooks.md says, in order, and never for ever."""

import base64
import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from core.gateway_alarms.journals import NOW
from openharbor.gateway import alarm_outbox
from openharbor.gateway.alarm_journal import acknowledge, write_news
from openharbor.gateway.alarm_outbox import MOST_WAITING, Waiting, due, finish, forget_webhooks
from openharbor.gateway.alarm_secret import FILE, webhook_key
from openharbor.gateway.alarm_webhook import checked_url, headers, key_of
from openharbor.gateway.alarms import Alarm, Cause, Change, News
from openharbor.gateway.trail import SYSTEM, State
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Failed
from openharbor.kit.webhooks import WAITS_S, message_id, new_secret

SECRET = "whsec_b3BlbmhhcmJvciBleGFtcGxlIHdlYmhvb2sga2V5IDE="
BODY = (
    b'{"timestamp":"2025-04-01T13:15:47","event":"LOCKER_OPERATION","data":{"timestamp":"2025-04-01T16:15:45+00:00",'
    b'"locker_id":9,"locker_status":"occupied","tower_id":"0000000000000001","source":"LOCKER_TOKEN_USED",'
    b'"reservation_id":null,"open_locker_token_id":52,"keypad_code":null,"client_info":"Luis",'
    b'"locker_open_request_id":56,"locker_open_request_payload":{"extra":"data","test":123}}}'
)
JAMMED = Cause("lock_jammed", 3, 1)
OPEN = Cause("door_left_open", 3, 1)
AWAY = Cause("controller_offline", controller_id=1)
DAY_S = 24 * 3600


def told(cause: Cause, holds: bool = True, at: int = NOW) -> News:
    return News(cause, holds, at, "why")


COUNTER = itertools.count()


def ids(now: int) -> str:
    """Another one with each call."""
    return message_id(now, next(COUNTER).to_bytes(10))


def subjects(tx: Tx, now: int = NOW) -> list[str]:
    return ["locker 3" if b'"lockerId":3' in one.body else "controller 1" for one in due(tx, now, 100)]


# Signing ----------------------------------------------------------------


def test_the_signature_is_the_one_of_the_example() -> None:
    made = headers(key_of(SECRET), "msg_01JQRW5T2M8Z4N6P0C3V7X9KDB", 1743524147, BODY)
    assert len(BODY) == 385
    assert made == {
        "content-type": "application/json",
        "webhook-id": "msg_01JQRW5T2M8Z4N6P0C3V7X9KDB",
        "webhook-timestamp": "1743524147",
        "webhook-signature": "v1,j4QKbl4P/dTzx4K8uad42ZjR1K5oVb0bFZuCtgHGnR4=",
    }


def test_the_ready_made_library_accepts_it() -> None:
    secret = new_secret(bytes(range(32)))
    made = headers(key_of(secret), ids(NOW), int(datetime.now(UTC).timestamp()), b'{"event":"ALARM"}')
    assert Webhook(secret).verify(b'{"event":"ALARM"}', made) == {"event": "ALARM"}


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", "b3BlbmhhcmJvciBleGFtcGxlIHdlYmhvb2sga2V5IDE=", "whsec_é", SECRET + "="]
)
def test_another_secret_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and the base64 of 32 bytes") as refused:
        key_of(secret)
    assert "AAAA" not in str(refused.value)


def test_the_secret_is_made_once_in_a_file_of_its_owner(tmp_path: Path) -> None:
    key = webhook_key(tmp_path)
    path = tmp_path / FILE
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().strip() == "whsec_" + base64.b64encode(key).decode()
    assert webhook_key(tmp_path) == key
    assert [one.name for one in tmp_path.iterdir()] == [FILE]


def test_a_secret_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    webhook_key(tmp_path)
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(Failed, match="chmod 600"):
        webhook_key(tmp_path)
    (tmp_path / FILE).write_text("whsec_nonsense")
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(Failed, match="remove the file") as refused:
        webhook_key(tmp_path)
    assert "nonsense" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://alarms.example.com/hook?site=1",
        "https://10.0.0.9:8443/",
        "http://127.0.0.1:9/",
        "http://[::1]:9/",
        "http://localhost",
    ],
)
def test_a_receiver_has_https_or_is_this_machine(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "alarms.example.com",
        "http://alarms.example.com/",
        "http://10.0.0.9/",
        "ftp://localhost/",
        "https://",
        "https://user@example.com/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\n",
        "https://ex\u00e4mple.com/",
        "https://example.com/" + "x" * 2048,
    ],
)
def test_any_other_receiver_is_refused_by_the_name_of_the_setting(url: str) -> None:
    with pytest.raises(Failed, match="alarm_webhook_url") as refused:
        checked_url(url)
    assert refused.value.exit_code == 2


# Order and repeats ------------------------------------------------------


def test_a_change_is_recorded_in_the_unit_that_makes_it(tx: Tx, state: State) -> None:
    state, _ = write_news(tx, state, [told(JAMMED), told(JAMMED, False)], ids)
    acknowledge(tx, state, 1, None, SYSTEM, NOW, ids)
    rows = tx.all("SELECT message_id, body FROM alarm_webhooks ORDER BY row_id")
    assert [part in row["body"] for row, part in zip(rows, ("raised", "cleared", "acknowledged"), strict=True)] == [
        True,
        True,
        True,
    ]
    assert len({row["message_id"] for row in rows}) == 3


def test_without_a_receiver_nothing_is_recorded(tx: Tx, state: State) -> None:
    write_news(tx, state, [told(JAMMED)])
    assert due(tx, NOW, 8) == []


def test_what_is_about_one_locker_is_sent_one_after_another_and_others_do_not_wait(tx: Tx, state: State) -> None:
    write_news(tx, state, [told(JAMMED), told(OPEN), told(AWAY)], ids)
    assert subjects(tx) == ["locker 3", "controller 1"]
    first, away = due(tx, NOW, 8)
    assert b"LOCK_JAMMED" in first.body
    assert not finish(tx, first, None, NOW)
    assert not finish(tx, away, 204, NOW)
    assert due(tx, NOW, 8) == [], "the second of the locker waits for the first"
    again = due(tx, NOW + 5000, 8)
    assert [(one.message_id, one.attempts) for one in again] == [(first.message_id, 1)]
    finish(tx, again[0], 200, NOW + 5000)
    assert [b"DOOR_LEFT_OPEN" in one.body for one in due(tx, NOW + 5000, 8)] == [True]


def test_after_eight_failures_over_a_day_it_is_given_up_and_the_next_one_goes_ahead(tx: Tx, state: State) -> None:
    write_news(tx, state, [told(JAMMED), told(OPEN)], ids)
    now = NOW
    waits: list[int] = []
    while b"LOCK_JAMMED" in (one := due(tx, now, 8)[0]).body:
        given_up = finish(tx, one, 500, now)
        assert given_up is (len(waits) == len(WAITS_S))
        if given_up:
            continue
        row = tx.one("SELECT due_at FROM alarm_webhooks ORDER BY row_id LIMIT 1")
        assert row is not None
        waits.append((row["due_at"] - now) // 1000)
        now = row["due_at"]
    assert waits == [5, 300, 1800, 7200, 18_000, 36_000, 36_000]


def test_too_many_waiting_give_up_the_oldest(tx: Tx) -> None:
    alarm = Alarm(1, JAMMED, "why", NOW)
    tx.execute(
        "INSERT INTO alarm_webhooks (message_id, subject, body, created_at, attempts, due_at)"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :most)"
        " SELECT 'old-' || i, 'locker ' || i, '{}', 0, 0, 0 FROM n",
        most=MOST_WAITING,
    )
    alarm_outbox.put(tx, Change("raised", alarm, NOW), "new")
    rows = tx.all("SELECT message_id FROM alarm_webhooks WHERE finished_at IS NULL ORDER BY row_id")
    assert len(rows) == MOST_WAITING
    assert [rows[0]["message_id"], rows[-1]["message_id"]] == ["old-2", "new"]


def test_what_was_sent_is_forgotten_in_the_end_and_what_waits_is_not(tx: Tx, state: State) -> None:
    write_news(tx, state, [told(JAMMED), told(AWAY)], ids)
    finish(tx, due(tx, NOW, 8)[0], 200, NOW)
    assert forget_webhooks(tx, NOW, 500) == 0
    assert forget_webhooks(tx, NOW + 1, 500) == 1
    assert [type(one) for one in due(tx, NOW, 8)] == [Waiting]
