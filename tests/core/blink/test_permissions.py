"""Who may send what is a matter of the session's permissions; commands of the server nobody may send (5.4)."""

import pytest

from openharbor.blink.packets import COMMANDS, SERVER, Packet
from openharbor.blink.permissions import CLAIMS, check_permission, claims_of, is_staff, known_bits, mask_of
from openharbor.blink.refusals import Rejected

SENDERS = {  # the groups of 5.4 in words
    Packet.REQUEST_SYNC_STATUS: {
        "sync_packet",
        "locker_pickup",
        "locker_delivery",
        "owner",
        "technician",
        "developer",
    },
    Packet.OPEN_LOCKER_WITH_TOKEN: {"locker_pickup", "locker_delivery", "owner", "technician", "developer"},
    Packet.OPEN_AVAILABLE_LOCKER: {"owner", "technician", "developer"},
    Packet.FIRE_LOCK: {"technician", "developer"},
    Packet.FACTORY_RESET: {"developer"},
    Packet.INSTALL_KEY: set[str](),
}


def may(mask: int, packet: Packet) -> bool:
    try:
        check_permission(mask, COMMANDS[packet])
    except Rejected as refused:
        return refused.code != 204 or refused.counts
    return True


@pytest.mark.parametrize("packet", list(SENDERS), ids=lambda packet: str(packet.name))
def test_each_group_of_commands_has_its_claims(packet: Packet) -> None:
    assert {claim for claim in CLAIMS if may(mask_of([claim]), packet)} == SENDERS[packet]


def test_what_only_the_server_may_ask_no_session_may_send() -> None:
    commands = {packet for packet, command in COMMANDS.items() if command.who == SERVER}
    assert {packet.value for packet in commands} == {6, 7, 8, 16, 17, 18}
    assert not any(may(0xFFFF, packet) for packet in commands)


def test_a_mask_and_its_claims_are_the_same_thing() -> None:
    for mask in range(64):
        assert mask_of(claims_of(mask)) == mask
    assert known_bits(64 + 5) == 5
    assert claims_of(64) == ()


def test_a_claim_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="root is no claim"):
        mask_of(["root"])


def test_staff_is_an_owner_or_more() -> None:
    assert [claim for claim in CLAIMS if is_staff(mask_of([claim]))] == ["owner", "technician", "developer"]
