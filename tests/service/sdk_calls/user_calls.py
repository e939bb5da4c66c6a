"""The calls of users at a tower: what each gives, what it does, how it is refused (blink-protocol.md 7, 8)."""

import pytest

from harness.towers import ROOT, TOWER_ID
from openharbor.blink import refusals
from openharbor.blink.batches import Batch, open_batch
from openharbor.blink.events import ClientNoted
from openharbor.blink.keys import derive
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import PICKUP
from openharbor.phone.errors import NO_SESSION, SdkError
from openharbor.phone.results import Opened
from service.sdk_calls.calls import (
    BUSY,
    LAST_OPEN,
    LOCKERS,
    NOT_FOUND,
    RANGE,
    VALUE,
    case,
    dropped_off,
    locker,
    refused,
)
from service.sdk_calls.place import Phone

# -- sessions and syncs


@case(Packet.TERMINATE_SESSION)
async def _terminate(phone: Phone) -> None:
    await phone.sdk.send_terminate_session(7, "the app was closed")
    assert not phone.sdk.in_session
    assert phone.rig.running.state.sessions.speaking is None
    with pytest.raises(SdkError) as caught:
        await phone.sdk.send_request_sync_status()
    assert caught.value.code == NO_SESSION


@case(Packet.REQUEST_SYNC_STATUS)
async def _sync_status(phone: Phone) -> None:
    log = phone.rig.running.state.log
    status = await phone.sdk.send_request_sync_status()
    assert (status.event_start, status.event_count) == (log.first, log.last - log.first + 1)
    assert status.command == phone.rig.running.state.last_command


@case(Packet.SYNC_PULL)
async def _sync_pull(phone: Phone) -> None:
    events = await phone.sdk.send_sync_pull(1)
    batch = open_batch(
        {1: derive(ROOT, 1)},
        events.payload,
        events.auth,
        tower_id=TOWER_ID,
        epoch=1,
        first=events.start,
        count=events.count,
    )
    assert isinstance(batch, Batch), batch
    assert [event[30] for event in batch.events] == list(range(1, 1 + events.count))
    with refused(RANGE):
        await phone.sdk.send_sync_pull(phone.rig.running.state.log.last + 2)


@case(Packet.SYNC_PUSH)
async def _sync_push(phone: Phone) -> None:
    packet = phone.rig.server.packet({1: Packet.SET_TOWER_NAME, 60: "Side door"})
    for _ in range(2):
        await phone.sdk.send_sync_push(packet.payload, packet.auth)
    assert phone.rig.running.state.identity.name == "Side door"
    assert phone.rig.running.state.last_command == phone.rig.server.command - 1
    with refused(refusals.AUTH_SIGNATURE):
        await phone.sdk.send_sync_push(packet.payload[:-1] + bytes([packet.payload[-1] ^ 1]), packet.auth)


@case(Packet.ADD_CLIENT_EVENT)
async def _client_event(phone: Phone) -> None:
    await phone.sdk.send_add_client_event(b"i" * 500)
    newest = phone.rig.running.state.log.events[-1]
    assert isinstance(newest, ClientNoted)
    assert newest.client_info == b"i" * 500


# -- lockers


@case(Packet.FIND_AVAILABLE_LOCKERS)
async def _find_available(phone: Phone) -> None:
    free = sum(one.available and one.usable() for one in phone.rig.running.state.lockers.values())
    assert await phone.sdk.send_find_available_lockers() == {1: free}


@case(Packet.FIND_LOCKERS_WITH_TOKEN)
async def _find_with_token(phone: Phone) -> None:
    await dropped_off(phone, 1)
    token = locker(phone, 1).locker_token
    assert await phone.sdk.send_find_lockers_with_token(False, token) == {1: 1}
    assert await phone.sdk.send_find_lockers_with_token(True, token) == {}


@case(Packet.OPEN_LOCKER_WITH_TOKEN)
async def _open(phone: Phone) -> None:
    await dropped_off(phone, 2)
    await phone.shut(2)
    generation = locker(phone, 2).generation
    with refused(NOT_FOUND):  # never two assignments in one locker
        await phone.open(phone.rig.server.token(2, generation=generation + 1))
    assert phone.rig.lock(2).door == "closed"
    pickup = phone.rig.server.token(2, PICKUP, generation=generation)
    assert await phone.open(pickup) == Opened(2, seen=True)
    assert phone.rig.lock(2).door == "open"
    assert locker(phone, 2).available


@case(Packet.OPEN_AVAILABLE_LOCKER, "owner")
async def _open_available(phone: Phone) -> None:
    first = min(number for number, one in phone.rig.running.state.lockers.items() if one.available and one.usable())
    opened = await phone.sdk.send_open_available_locker(locker_token=b"T" * 32, client_info=b"plants")
    assert opened == Opened(first, seen=True)
    assert phone.rig.lock(first).door == "open"
    assert (locker(phone, first).available, locker(phone, first).locker_token) == (False, b"T" * 32)
    with refused(NOT_FOUND):
        await phone.sdk.send_open_available_locker(match_locker_type=9)


@case(Packet.REOPEN_LOCKER)
async def _reopen(phone: Phone) -> None:
    with refused(LAST_OPEN):
        await phone.sdk.send_reopen_locker()
    await dropped_off(phone, 4)
    await phone.shut(4)
    holding = locker(phone, 4).holding()
    assert await phone.sdk.send_reopen_locker() == Opened(4, seen=True)
    assert phone.rig.lock(4).door == "open"
    assert locker(phone, 4).holding() == holding


@case(Packet.CHECK_LOCKER_DOOR)
async def _check_door(phone: Phone) -> None:
    with refused(LAST_OPEN):
        await phone.sdk.send_check_locker_door()
    await dropped_off(phone, 5)
    assert await phone.sdk.send_check_locker_door() is True
    await phone.shut(5)
    assert await phone.sdk.send_check_locker_door() is False


@case(Packet.REVERT_LOCKER_STATE)
async def _revert(phone: Phone) -> None:
    with refused(LAST_OPEN):
        await phone.sdk.send_revert_locker_state()
    await dropped_off(phone, 6)
    pulses = phone.rig.pulses()
    await phone.sdk.send_revert_locker_state(b"does not fit")
    assert locker(phone, 6).available
    assert locker(phone, 6).retired == locker(phone, 6).generation
    assert phone.rig.pulses() == pulses
    with refused(LAST_OPEN):
        await phone.sdk.send_revert_locker_state()


@case(Packet.SET_KEYPAD_CODE)
async def _keypad_code(phone: Phone) -> None:
    with refused(LAST_OPEN):
        await phone.sdk.send_set_keypad_code("123456")
    await dropped_off(phone, 7)
    assert await phone.sdk.send_set_keypad_code("123456") is None
    assert locker(phone, 7).code is not None
    made_up = await phone.sdk.send_set_keypad_code("auto", keypad_code_persists=True)
    assert made_up is not None
    assert len(made_up) == 6
    assert made_up.isdigit()
    with refused(VALUE):
        await phone.sdk.send_set_keypad_code("12a4")
    await phone.sdk.send_set_keypad_code("")
    assert locker(phone, 7).code is None


@case(Packet.TAP_LOCKER)
async def _tap(phone: Phone) -> None:
    with refused(LAST_OPEN):
        await phone.sdk.send_tap_locker(250, 2)
    await dropped_off(phone, 8)
    before = phone.rig.pulses().count(8)
    await phone.rig.until(lambda: not phone.rig.lock(8).current)
    await phone.sdk.send_tap_locker(250, 2)
    with refused(BUSY):
        await phone.sdk.send_tap_locker(250, 1)
    await phone.rig.until(lambda: phone.rig.pulses().count(8) >= before + 2)
    assert phone.rig.pulses().count(8) == before + 2


@case(Packet.CHECK_ALL_LOCKER_DOORS)
async def _check_all(phone: Phone) -> None:
    await dropped_off(phone, 9)
    doors = range(1, LOCKERS + 1)
    assert await phone.sdk.send_check_all_locker_doors() == tuple(n for n in doors if phone.rig.lock(n).door == "open")
    await phone.shut(9)
    assert 9 not in await phone.sdk.send_check_all_locker_doors()
