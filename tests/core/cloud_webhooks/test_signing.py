"""Signatures: the examples of webhooks.md 4, Standard Webhooks' own library, and rotation."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from openharbor.cloud.webhooks.signing import Secrets, rotated, signature, signing
from openharbor.kit.webhooks import new_secret

CONTRACT = (Path(__file__).parents[3] / "contract" / "webhooks.md").read_text()
FIRST = "whsec_b3BlbmhhcmJvciBleGFtcGxlIHdlYmhvb2sga2V5IDE="
SECOND = "whsec_b3BlbmhhcmJvciBleGFtcGxlIHdlYmhvb2sga2V5IDI="
ID, AT = "msg_01JQRW5T2M8Z4N6P0C3V7X9KDB", 1743524147
BODY = max(re.findall(r"```\n(\{.*\})\n```", CONTRACT), key=len).encode()
DOCUMENTED = re.findall(r"^webhook-signature: (.*)$", CONTRACT, re.MULTILINE)
DAY_MS = 24 * 3_600_000


def test_the_signature_is_the_documented_one() -> None:
    assert len(BODY) == 385
    assert signature([FIRST], ID, AT, BODY) == DOCUMENTED[0]


def test_during_a_rotation_both_sign_newest_first_as_documented() -> None:
    assert signature([SECOND, FIRST], ID, AT, BODY) == DOCUMENTED[1]


def test_the_library_of_standard_webhooks_verifies_with_either_secret() -> None:
    now = int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": ID,
        "webhook-timestamp": str(now),
        "webhook-signature": signature([SECOND, FIRST], ID, now, BODY),
    }
    for secret in (FIRST, SECOND):
        assert Webhook(secret).verify(BODY, headers)["event"] == "LOCKER_OPERATION"


def test_a_secret_is_whsec_and_the_base64_of_32_random_bytes() -> None:
    assert new_secret(b"openharbor example webhook key 1") == FIRST
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", new_secret(bytes(32)))
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        new_secret(bytes(31))


def test_after_a_rotation_the_old_secret_signs_for_24_hours() -> None:
    secrets = rotated(Secrets("old"), "new", 1000)
    assert signing(secrets, 1000) == ("new", "old")
    assert signing(secrets, 1000 + DAY_MS - 1) == ("new", "old")
    assert signing(secrets, 1000 + DAY_MS) == ("new",)


def test_a_second_rotation_leaves_the_two_newest() -> None:
    secrets = rotated(rotated(Secrets("first"), "second", 0), "third", 1000)
    assert signing(secrets, 1000) == ("third", "second")


def test_a_secret_that_was_never_rotated_signs_alone() -> None:
    assert signing(Secrets("only"), 5) == ("only",)
