"""The story of an order that is cancelled: a locker is reserved, a token sealed for its tower, the shop told of it."""

from typing import Any

from openharbor.demo.narration import Narration
from openharbor.demo.platform import TOWER, Platform

TOLD = ["LOCKER_RESERVED", "LOCKER_TOKEN_CREATED", "LOCKER_RELEASED"]


async def tell_delivery(narration: Narration, platform: Platform) -> None:
    """From a client's secret to a released locker. Raises Unseen at the first step that was not seen to work."""
    narration.tell("A cloud with one library, two towers, twenty lockers; tower 0100000000000014 is provisioned.")
    narration.note(f"cloud at {platform.url}")
    narration.see("its file holds a key and 16 lockers", len(platform.provision.lockers) == 16)
    narration.tell("Acme Parcels asks for an access token, and for webhooks.")
    await platform.sign_in()
    info = await platform.call("POST", "/login/test-token", 200)
    narration.see("the token is good for Acme's client", info["clientId"] == platform.client_id)
    await platform.call("POST", "/webhook-endpoints", 201, {"url": platform.shop.url})
    locker = await _reserve(narration, platform)
    token = await _mint(narration, platform, locker)
    _look_inside(narration, platform, token)
    await _release(narration, platform, locker)


async def _reserve(narration: Narration, platform: Platform) -> dict[str, Any]:
    narration.tell("GET the tower's lockers, keep the available ones, reserve a small one for 300 s.")
    locker = await platform.reserve("small")
    narration.see(f"locker {locker['name']} is reserved", locker["status"]["name"] == "reserved")
    return locker


async def _mint(narration: Narration, platform: Platform, locker: dict[str, Any]) -> dict[str, Any]:
    narration.tell("POST a drop-off token for the courier: 3000 s, client_info order-1042.")
    token = await platform.mint(locker, "order-1042")
    narration.note(f"token {token['id']}, payload {token['payload'][:24]}…, good until {token['expires']}")
    narration.see("the locker is rented", token["locker"]["status"]["name"] == "rented")
    mine = await platform.call("GET", "/users/me/assigned-lockers", 200)
    info = [one["assignment"]["clientInfo"] for one in mine if one["id"] == locker["id"]]
    narration.see("it stands among Acme's assigned lockers, with order-1042", info == ["order-1042"])
    return token


def _look_inside(narration: Narration, platform: Platform, token: dict[str, Any]) -> None:
    narration.tell("The tower, which has no internet, opens the payload with the key of its provisioning file.")
    inside = platform.opened(token)
    narration.note(f"locker number {inside[70]}, token {inside[224]}, generation {inside[225]}")
    right = inside[224] == token["id"] and str(inside[70]) == token["locker"]["name"] and inside[226] == 1
    narration.see("authentic, for this tower, this locker, a drop-off", right)


async def _release(narration: Narration, platform: Platform, locker: dict[str, Any]) -> None:
    narration.tell("The order is cancelled: POST release-locker.")
    path = f"/towers/{TOWER}/lockers/{locker['id']}/release-locker"
    released = await platform.call("POST", path, 200)
    declined = released["status"]["name"] == "declined"
    narration.see("declined, until a phone has brought the tower the news: the token may still open it", declined)

    async def told() -> bool:
        return platform.shop.sources(locker["id"]) == TOLD

    await narration.await_sight(f"the shop's webhooks, in order: {', '.join(TOLD)}", told)
