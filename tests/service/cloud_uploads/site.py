"""A cloud and one of its towers, which is the real device: phones carry tokens and packets down, and batches up."""

from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any

from msgspec.structs import replace

from core.blink.rig import key_of
from core.tower.desk import AT_MS, Desk
from harness.cloud_rig import FIRST_LOCKER, ROOT_KEY, TOWER, Rig, path
from openharbor.blink import provisioning
from openharbor.blink.event_maps import read_event
from openharbor.blink.events import Event
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, PhoneSession, Reply
from openharbor.blink.provisioning import Provision
from openharbor.blink.sessions import Session, with_grant
from openharbor.cloud.lockers.locker import Locker
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers import event_store, reset_events, uploads
from openharbor.cloud.towers.event_store import Log
from openharbor.cloud.towers.packets import CommandPacket, waiting_packets
from openharbor.cloud.towers.store import NewCommand, waiting_commands
from openharbor.cloud.towers.uploads import EventPacket, Received
from openharbor.kit.errors import Refusal
from openharbor.tower import power_up
from openharbor.tower.state import Hardware, Tower

HARDWARE = Hardware(firmware="1.4.2", serial="OH-1")
PHONE = "A"  # whose session keys, of the vectors, every phone has here
SESSIONS = count(1)


def new_tower(now_ms: int, lockers: int = 4) -> Tower:
    """Just started for the first time: its BOOT_EVENT has id 1."""
    file = Provision(
        format=provisioning.FORMAT,
        tower_id=TOWER,
        name="Foyer",
        made_at=now_ms // 1000,
        key=provisioning.Key(key_id=1, rotation=1, root=ROOT_KEY.hex(), expires=0),
        last_command=0,
        next_event=1,
        event_epoch=1,
        settings=provisioning.USUAL_SETTINGS,
        lockers=tuple(
            provisioning.Locker(
                number=number, port=number - 1, type=1, door_sensor="normal", disabled=False, retired_generation=0
            )
            for number in range(1, lockers + 1)
        ),
    )
    stored = power_up.provisioned(file, bytes(32))
    return power_up.started(stored, HARDWARE, wall_s=now_ms // 1000, at_ms=AT_MS, challenge=bytes(8))


class Site:
    """`desk`: the tower. Its clock runs with the cloud's in `pass_time`."""

    def __init__(self, cloud: Rig, tower: Tower) -> None:
        self.cloud = cloud
        self.desk = Desk(tower)

    # providers

    async def token(self, kind: str = "dropoff", place: int = 0, *, by: str = "acme", duration: int = 3600) -> Any:
        made = await self.cloud.post(
            f"{path(FIRST_LOCKER + place)}/{kind}-locker-tokens", {"duration": duration, "client_info": "order"}, by=by
        )
        assert made.status == 200, made.body
        return made.body

    async def status(self, place: int = 0) -> str:
        return (await self.locker(place)).status.word

    async def locker(self, place: int = 0) -> Locker:
        return await self.cloud.locker(FIRST_LOCKER + place)

    async def told(self, by: int = 12) -> list[tuple[str, str | None]]:
        """Source and status of what an organization was told, but for TOWER_SYNCED."""
        return [
            (source, status)
            for organization, event, source, status in await self.cloud.events()
            if organization == by and event != "TOWER_SYNCED"
        ]

    # people at the tower

    def visit(self) -> None:
        """A phone comes, in a session of its own."""
        uptime, key = self.desk.at_ms // 1000, key_of(PHONE)
        granted = Session(
            session_id=next(SESSIONS).to_bytes(8),
            key=key,
            permissions=63,
            client_id=b"phone",
            granted_at=uptime,
            spoke_at=uptime,
        )
        self.desk.phones[PHONE] = PhoneSession(granted.session_id, key)
        self.desk.tower = replace(self.desk.tower, sessions=with_grant(self.desk.tower.sessions, granted))

    def open_with(self, token: Any) -> Reply | Declined:
        fields = {9: bytes.fromhex(token["payload"]), 10: bytes.fromhex(token["payload_auth"])}
        return self.desk.say(PHONE, Packet.OPEN_LOCKER_WITH_TOKEN, fields)

    def use(self, token: Any) -> int:
        """A visit: opens with the token, and closes the door. The number of the locker."""
        self.visit()
        reply = self.open_with(token)
        assert isinstance(reply, Reply), reply
        number: int = reply.fields[70]
        self.pass_door(number)
        return number

    def pass_door(self, number: int) -> None:
        self.desk.at_ms += 20_000
        self.desk.closes(number)

    async def pass_time(self, seconds: int) -> None:
        await self.cloud.clock.advance(seconds)
        self.desk.at_ms += seconds * 1000

    # phones

    def pull(self, start: int) -> EventPacket:
        """One batch, as a phone carries it."""
        self.visit()
        reply = self.desk.say(PHONE, Packet.SYNC_PULL, {31: start})
        assert isinstance(reply, Reply), reply
        return EventPacket(reply.fields[31], reply.fields[32], reply.fields[9], reply.fields[10])

    def pull_all(self, start: int = 1) -> list[EventPacket]:
        """Every batch from an id on, the empty one at the end too."""
        packets = [self.pull(start)]
        while packets[-1].count:
            packets.append(self.pull(packets[-1].first + packets[-1].count))
        return packets

    async def upload(self, packets: Sequence[EventPacket]) -> Received | Refusal:
        unit = partial(
            uploads.take_in,
            INSTALLATION,
            packets=packets,
            vault=self.cloud.vault,
            tower_id=TOWER,
            attempt=self.cloud.attempt("upload_tower_events", "user:someone"),
        )
        return await self.cloud.database.write(unit)

    async def up(self, start: int | None = None) -> Received:
        """Pulls everything from the frontier on, and uploads it."""
        first = (await self.log()).tower.next_event if start is None else start
        received = await self.upload(self.pull_all(first))
        assert isinstance(received, Received), received
        return received

    async def packets(self) -> list[CommandPacket]:
        cloud = self.cloud
        unit = partial(
            waiting_packets,
            INSTALLATION,
            vault=cloud.vault,
            tower_id=TOWER,
            now=cloud.clock.now(),
            random=cloud.parts.random,
        )
        return await cloud.database.read(unit)

    async def down(self) -> int:
        """Pushes everything that waits for the tower; how many packets."""
        packets = await self.packets()
        for packet in packets:
            self.push(packet)
        return len(packets)

    def push(self, packet: CommandPacket) -> None:
        self.visit()
        reply = self.desk.say(PHONE, Packet.SYNC_PUSH, {9: packet.sealed.payload, 10: packet.sealed.auth})
        assert isinstance(reply, Reply), reply

    async def sync(self) -> Received:
        """As the SDK does it: commands down, events up."""
        await self.down()
        return await self.up()

    async def sync_anew(self) -> Received:
        """A sync by which the log was restarted: the tower gives what it has, from its first event on."""
        await self.down()
        received = await self.upload(self.pull_all(self.desk.tower.log.first))
        assert isinstance(received, Received), received
        return received

    def after_note(self) -> list[EventPacket]:
        """An app notes something, and everything is pulled."""
        self.visit()
        self.desk.say(PHONE, Packet.ADD_CLIENT_EVENT, {62: b"note"})
        return self.pull_all(self.desk.tower.log.first)

    # the cloud's side

    async def log(self) -> Log:
        log = await self.cloud.database.write(partial(event_store.lock_log, INSTALLATION, tower_id=TOWER))
        assert log is not None
        return log

    async def waiting(self) -> list[NewCommand]:
        return await self.cloud.database.read(partial(waiting_commands, INSTALLATION, tower_id=TOWER, limit=1000))

    async def queued(self) -> list[tuple[int, Packet]]:
        return [(one.command_id, Packet(one.packet_type)) for one in await self.waiting()]

    async def reset(self, reason: str | None = None) -> int | Refusal:
        unit = partial(
            reset_events.reset_events,
            INSTALLATION,
            tower_id=TOWER,
            reason=reason,
            attempt=self.cloud.attempt("reset_tower_events"),
        )
        return await self.cloud.database.write(unit)

    async def stored(self) -> list[Event]:
        rows = await self.cloud.rows("SELECT event_id FROM tower_events ORDER BY epoch, event_id")
        log = await self.log()
        found = await self.cloud.database.read(
            partial(event_store.stored_events, INSTALLATION, tower_id=TOWER, epoch=log.tower.epoch, first=0, end=2**31)
        )
        assert len(rows) >= len(found)
        return [read_event(fields) for fields in found.values()]

    async def audited(self, action: str) -> list[str]:
        return [outcome for _, one, outcome in await self.cloud.audited() if one == action]
