"""A parcel's way through a Bluetooth tower, told step by step: courier, door, cloud, customer."""

from typing import Any

from openharbor.boards.emulator.lock import Lock
from openharbor.demo.narration import Narration
from openharbor.demo.platform import TOWER, Platform
from openharbor.demo.street import Phone, Street
from openharbor.phone.sync import Synced

DROPPED = ["LOCKER_RESERVED", "LOCKER_TOKEN_CREATED", "LOCKER_TOKEN_USED"]
PICKED_UP = [*DROPPED, "LOCKER_TOKEN_USED", "PICKED_UP"]


async def tell_parcel(narration: Narration, platform: Platform, street: Street) -> None:
    """A delivery with the cloud there, then one with the cloud away. Raises Unseen at the first step not seen."""
    narration.tell(f"Tower {TOWER} stands on an emulated Kerong cabinet and is on the air, by virtual Bluetooth.")
    narration.note(f"{street.cabinet.url()}, radio address {street.radio_address}")
    await narration.await_sight("it has read all its doors, and each is shut", street.all_shut)
    locker, token = await _reserved_with_token(narration, platform, "order-2001")
    lock = street.lock(locker["name"])
    courier, customer = await street.phone("courier"), await street.phone("customer")
    await _arrive(narration, courier, "The courier's phone")
    await _open(narration, courier, token, lock, "sendOpenLockerWithToken with the drop-off token.")
    await _shut(narration, courier, lock, "The parcel is in; the courier pushes the door shut.")
    await _leave(narration, courier, synced=True)
    await _stands(narration, platform, locker, "occupied")
    await _heard(narration, platform, locker, DROPPED)
    await _arrive(narration, customer, "The customer's phone")
    await _open(narration, customer, token, lock, "The same token, in a later session, is the pick-up.")
    await _shut(narration, customer, lock, "The item is out; the customer pushes the door shut.")
    await _leave(narration, customer, synced=True)
    await _stands(narration, platform, locker, "available")
    await _heard(narration, platform, locker, PICKED_UP)
    await _without_cloud(narration, platform, street)


async def _without_cloud(narration: Narration, platform: Platform, street: Street) -> None:
    locker, token = await _reserved_with_token(narration, platform, "order-2002")
    lock = street.lock(locker["name"])
    courier, customer = await street.phone("courier"), await street.phone("customer")
    narration.tell("Both phones fetch what they need to open a session, good for an hour. Then the cloud is stopped.")
    for phone in (courier, customer):
        await phone.prepare()
    await platform.cloud.stop()
    narration.see("nobody answers there any more", not await platform.answers())
    await _arrive(narration, courier, "The courier's phone")
    await _open(narration, courier, token, lock, "The tower checks the token alone.")
    await _shut(narration, courier, lock, "The parcel is in; the door is shut.")
    await _leave(narration, courier, synced=False)
    await _arrive(narration, customer, "The customer's phone")
    await _open(narration, customer, token, lock, "The same token takes the parcel out.")
    await _shut(narration, customer, lock, "The item is out; the door is shut.")
    await _leave(narration, customer, synced=False)
    narration.tell("The cloud is back, and knows nothing of it yet.")
    await platform.cloud.start()
    shown = await platform.locker(locker)
    narration.see("the locker is still rented", shown["status"]["name"] == "rented")
    narration.tell("The customer's phone is online again and delivers what it carried.")
    delivered = await customer.deliver()
    narration.see("every event is with the cloud", delivered.failure is None and delivered.waiting == 0)
    await _stands(narration, platform, locker, "available")
    await _heard(narration, platform, locker, PICKED_UP)


async def _reserved_with_token(
    narration: Narration, platform: Platform, order: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    narration.tell(f"Acme reserves a locker for {order} and has a drop-off token sealed.")
    platform.shop.heard.clear()
    locker = await platform.reserve("small")
    token = await platform.mint(locker, order)
    narration.note(f"locker {locker['name']}, token {token['id']}, good until {token['expires']}")
    narration.see("the locker is rented", token["locker"]["status"]["name"] == "rented")
    return locker, token


async def _arrive(narration: Narration, phone: Phone, who: str) -> None:
    narration.tell(f"{who} scans, connects and begins a session.")
    found = await phone.arrive()
    narration.note(f"{found.name}, firmware {found.firmware}")
    narration.see("the tower of the token, by its advertising", found.tower_id == bytes.fromhex(TOWER))


async def _open(narration: Narration, phone: Phone, token: dict[str, Any], lock: Lock, text: str) -> None:
    narration.tell(text)
    before = len(lock.pulses)
    opened = await phone.open(token)
    right = str(opened.locker) == token["locker"]["name"] and len(lock.pulses) == before + 1
    narration.see(f"the tower fired locker {opened.locker}, once", right)
    narration.see("its sensor saw the door open", opened.seen is True and lock.door == "open")


async def _shut(narration: Narration, phone: Phone, lock: Lock, text: str) -> None:
    narration.tell(text)
    lock.push_shut()
    narration.see("the phone reads it shut", await phone.sdk.wait_for_closing() is True and lock.door == "closed")


async def _leave(narration: Narration, phone: Phone, *, synced: bool) -> None:
    narration.tell("The phone syncs, ends its session and goes.")
    done: Synced = await phone.leave()
    if synced:
        narration.see(f"{done.pulled} batches pulled and uploaded", done.failure is None and done.waiting == 0)
    else:
        narration.see(f"the cloud is away: {done.waiting} batches are carried along", done.waiting > 0)


async def _stands(narration: Narration, platform: Platform, locker: dict[str, Any], status: str) -> None:
    async def shown() -> bool:
        return bool((await platform.locker(locker))["status"]["name"] == status)

    await narration.await_sight(f"GET the locker: {status}", shown)


async def _heard(narration: Narration, platform: Platform, locker: dict[str, Any], sources: list[str]) -> None:
    async def told() -> bool:
        return platform.shop.sources(locker["id"]) == sources

    await narration.await_sight(f"the shop's webhooks, in order: {', '.join(sources)}", told)
