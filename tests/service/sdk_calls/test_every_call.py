"""Every command of the protocol that a phone may send, by Harbor's call for it over the air (blink-protocol.md 3.1)."""

from pathlib import Path
from typing import Any

import pytest

from openharbor.blink.fields import FIELDS, Item
from openharbor.blink.packets import ANY, COMMANDS, SERVER, refusal_form
from openharbor.blink.refusals import AUTH_PERMISSIONS
from openharbor.phone.errors import FirmwareError
from openharbor.phone.sdk import HarborSdk
from service.sdk_calls import staff_calls, user_calls
from service.sdk_calls.calls import CASES, LOCKERS
from service.sdk_calls.place import Phone, tower_in_air

MTUS = (23, 185, 247)
ROOMS = (user_calls, staff_calls)  # whose cases stand in the table once they are imported


def test_every_command_that_a_phone_may_send_has_a_case() -> None:
    assert CASES.keys() == {packet for packet, command in COMMANDS.items() if command.who != SERVER}


@pytest.mark.parametrize("staff", [False, True], ids=["user", "staff"])
@pytest.mark.parametrize("mtu", MTUS)
async def test_every_call_does_what_it_is_for_or_is_refused_as_documented(
    tmp_path: Path, mtu: int, staff: bool
) -> None:
    async with tower_in_air(tmp_path, lockers=LOCKERS) as place, place.phone(mtu=mtu) as phone:
        for packet, one in CASES.items():
            if bool(one.claims) is not staff:
                continue
            try:
                await phone.begin(*one.claims)
                await one.run(phone)
            except BaseException as error:
                error.add_note(f"{packet.name} with an MTU of {mtu}")
                raise
        assert min(mtu, 185) - 3 <= max(chunk.size for chunk in place.air.chunks) <= mtu - 3


@pytest.mark.parametrize("mtu", MTUS)
async def test_what_a_session_may_not_is_204_in_its_form_and_changes_nothing(tmp_path: Path, mtu: int) -> None:
    async with tower_in_air(tmp_path) as place, place.phone(mtu=mtu) as phone:
        await phone.begin("sync_packet")
        await phone.sdk.send_request_sync_status()
        before = _kept(phone)
        for packet, command in COMMANDS.items():
            if command.who == ANY:
                continue
            with pytest.raises(FirmwareError) as caught:
                await phone.sdk.ask(packet, {item.number: _some(item) for item in command.layout if not item.optional})
            found = (caught.value.code, caught.value.authenticated)
            assert found == (AUTH_PERMISSIONS, refusal_form(packet) == "wrapped"), packet.name
            await phone.sdk.send_request_sync_status()  # a number carries at most eight refusals in the clear (5.5)
        assert _kept(phone) == before
        assert place.rig.pulses() == []


def test_what_only_the_server_may_is_no_call_of_the_phone() -> None:
    names = {f"send_{packet.name.lower()}" for packet, command in COMMANDS.items() if command.who == SERVER}
    assert not names & set(dir(HarborSdk))


def _kept(phone: Phone) -> Any:
    state = phone.rig.running.state
    return state.lockers, state.identity, state.keys, state.last_command, state.settings


def _some(item: Item) -> Any:
    """A value that every check of the fields takes."""
    low = max(item.low, 0)
    kinds: dict[str, Any] = {"int": low, "bool": True, "bytes": bytes(low), "text": "1" * max(low, 4)}
    return kinds[FIELDS[item.number][1]]
