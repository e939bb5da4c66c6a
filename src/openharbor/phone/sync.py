"""Carrying commands to a tower and events from it, as Harbor's SDKs do it (blink-protocol.md 8.1)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from openharbor.blink.cbor import Fields
from openharbor.blink.packets import Packet
from openharbor.kit.clock import Clock
from openharbor.phone import packet_log
from openharbor.phone.errors import SYNC_FAILED, ApiError, FirmwareError, SdkError
from openharbor.phone.sdk_api import EventPacket, SdkApi
from openharbor.phone.shelf import MOST_UPLOADS, Shelf

BATCHES_A_POST: Final = 5
BUSY: Final = 510
BUSY_AGAIN_S: Final = 2.0
BUSY_TRIES: Final = 10
# answers that say nothing about the packets themselves
FOR_NOW: Final = frozenset({0, 401, 403, 404, 408, 429})
SERVER_ERRORS: Final = 500

Ask = Callable[[Packet, Mapping[int, Any]], Awaitable[Fields]]


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync came to. `pushed`: command packets the tower took, `refused`: that it did not. `pulled`: batches.

    `waiting`: batches that the cloud does not have yet. `failure`: why the cloud could not be asked, None if it could;
    `code`: as in ApiError, then.
    """

    pushed: int = 0
    refused: int = 0
    pulled: int = 0
    waiting: int = 0
    failure: str | None = None
    code: int = 0


async def sync(ask: Ask, api: SdkApi, tower_id: bytes, shelf: Shelf, clock: Clock) -> Synced:
    """Pushes what waits, pulls what happened, uploads it. A cloud that is away fails nothing: the events are kept.

    Raises FirmwareError when the tower refuses its log, SdkError when it cannot be asked.
    """
    if not any(tower_id):  # a tower without an identity is not synced
        return Synced()
    failure: ApiError | None = None
    pushed = refused = 0
    try:
        pushed, refused = await _push(ask, api, tower_id)
    except ApiError as error:
        failure = error
    upload = _Upload(api, tower_id, shelf, failure)
    try:
        pulled = await _pull(ask, upload, clock)
    finally:
        await upload.flush()
    waiting, why = len(upload.waiting), upload.failure
    done = Synced(pushed=pushed, refused=refused, pulled=pulled, waiting=waiting)
    return done if why is None else replace(done, failure=str(why), code=why.code)


async def _push(ask: Ask, api: SdkApi, tower_id: bytes) -> tuple[int, int]:
    """How many packets the tower took, and refused; after one that it refused the next is tried all the same."""
    pushed = refused = 0
    for packet in await api.commands(tower_id):
        try:
            await ask(Packet.SYNC_PUSH, {9: packet.payload, 10: packet.auth})
            pushed += 1
        except FirmwareError as error:
            packet_log.told("a command packet was refused", start=packet.start, code=error.code)
            refused += 1
    return pushed, refused


async def _pull(ask: Ask, upload: "_Upload", clock: Clock) -> int:
    """Pulls until one was asked for at or beyond the last event; the last one may be empty."""
    status = await ask(Packet.REQUEST_SYNC_STATUS, {})
    start = status[31]
    last = start + status[32] - 1
    pulled = 0
    while upload.has_room():
        batch = await _pull_one(ask, start, clock)
        upload.add(EventPacket(start=batch[31], count=batch[32], payload=batch[9], auth=batch[10]))
        pulled += 1
        if pulled % BATCHES_A_POST == 0:
            await upload.flush()
        if start >= last:
            break
        if batch[31] + batch[32] <= start:
            raise SdkError(SYNC_FAILED, "the tower keeps back events that it says it has")
        start = batch[31] + batch[32]
    return pulled


async def _pull_one(ask: Ask, start: int, clock: Clock) -> Fields:
    for _ in range(BUSY_TRIES):
        try:
            return await ask(Packet.SYNC_PULL, {31: start})
        except FirmwareError as error:
            if error.code != BUSY:
                raise
        await clock.sleep(BUSY_AGAIN_S)
    return await ask(Packet.SYNC_PULL, {31: start})


class _Upload:
    """Batches on their way to the cloud, older ones first; what cannot be delivered now is kept."""

    def __init__(self, api: SdkApi, tower_id: bytes, shelf: Shelf, failure: ApiError | None) -> None:
        self.failure = failure
        self._api, self._tower_id, self._shelf = api, tower_id, shelf
        self.waiting = shelf.uploads(tower_id)

    def has_room(self) -> bool:
        return len(self.waiting) < MOST_UPLOADS

    def add(self, packet: EventPacket) -> None:
        """In place of those it covers: until the cloud has an event, every sync pulls it again, sealed anew.

        What one that waits covers is left out: a tower whose log is full may have dropped something since (8.6).
        """
        end = packet.start + packet.count
        if any(one.start <= packet.start < end <= one.start + one.count for one in self.waiting):
            return
        self.waiting = [one for one in self.waiting if one.start < packet.start or one.start + one.count > end]
        self.waiting.append(packet)

    async def flush(self) -> None:
        """Uploads what waits, five batches at a time, unless the cloud is away; keeps the rest."""
        while self.waiting and self.failure is None:
            part = self.waiting[:BATCHES_A_POST]
            try:
                await self._deliver(part)
            except ApiError as error:
                self.failure = error
                break
            del self.waiting[: len(part)]
        self._shelf.keep_uploads(self._tower_id, self.waiting)

    async def _deliver(self, part: list[EventPacket]) -> None:
        """One bad packet fails a whole request: then each goes alone, and what is refused for good is given up."""
        try:
            await self._api.upload(self._tower_id, part)
        except ApiError as error:
            if error.code in FOR_NOW or error.code >= SERVER_ERRORS:
                raise
            if len(part) == 1:
                packet_log.told("the cloud refused a batch for good", start=part[0].start, code=error.code)
                return
            for packet in part:
                await self._deliver([packet])
