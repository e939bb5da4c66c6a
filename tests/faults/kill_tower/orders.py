"""The server's commands for the tower, and what the tower is after each of them: a model of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.towers import Server
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import MOST_COMMANDS, CommandsPayload, encode_commands
from openharbor.blink.sealing import Sealed

MOST: Final = min(MOST_COMMANDS, 24)  # so that a packet stays below its 2,048 bytes
INSTALLED, SUNSET, REVOKED = 1, 2, 3  # key_action, #239
Command = Mapping[int, Any]


@dataclass(frozen=True)
class Configuration:
    """What commands alone decide. `rotations`: their last key action. `ahead`: seconds that the clock was put on."""

    name: str = "Library foyer"
    serial: str = ""
    delay_ms: int = 200
    type_id: int = 1
    disabled: bool = False
    first_event: int = 1
    ahead: int = 0
    rotations: tuple[tuple[int, int], ...] = ((1, INSTALLED),)

    def after(self, command: Command) -> "Configuration":
        match command[1]:
            case Packet.SET_TOWER_NAME:
                return replace(self, name=command[60])
            case Packet.SET_TOWER_SERIAL:
                return replace(self, serial=command[138])
            case Packet.SET_SOLENOID_DELAY:
                return replace(self, delay_ms=command[154])
            case Packet.CONFIGURE_LOCKER:
                return replace(self, type_id=command[71])
            case Packet.SET_LOCKER_DISABLED:
                return replace(self, disabled=command[74])
            case Packet.SYNC_MARK_SEEN_EVENTS:
                return replace(self, first_event=max(self.first_event, command[31]))
            case Packet.ADJUST_CLOCK:
                return replace(self, ahead=self.ahead + command[152])
            case Packet.INSTALL_KEY | Packet.SUNSET_KEY | Packet.REVOKE_KEY:
                return replace(self, rotations=self._with_rotation(command))
        return self

    def _with_rotation(self, command: Command) -> tuple[tuple[int, int], ...]:
        action = {Packet.INSTALL_KEY: INSTALLED, Packet.SUNSET_KEY: SUNSET, Packet.REVOKE_KEY: REVOKED}[command[1]]
        return tuple({**dict(self.rotations), command[43]: action}.items())

    def in_force(self) -> list[int]:
        """Rotations that the tower has not revoked, oldest first."""
        return sorted(number for number, action in self.rotations if action != REVOKED)


@dataclass
class Orders:
    """`commands[n - 1]` has the id n, `configurations[n]` is what the tower is after it.

    `known`: the tower has surely dealt with the commands up to it. `sent`: it may have, up to here.
    """

    commands: list[Command] = field(default_factory=list)
    configurations: list[Configuration] = field(default_factory=lambda: [Configuration()])
    known: int = 0
    sent: int = 0

    @property
    def present(self) -> Configuration:
        """What the tower is to become."""
        return self.configurations[-1]

    def add(self, *commands: Command) -> None:
        for command in commands:
            self.commands.append(command)
            self.configurations.append(self.present.after(command))

    def packet(self, server: Server, *, repeated: int = 0) -> tuple[Sealed, int]:
        """The commands that wait, and the id of the last one in it. `repeated`: so many old ones before them."""
        first = max(self.known + 1 - repeated, 1)
        chosen = self.commands[first - 1 : self.known + MOST]
        payload = CommandsPayload(
            issued=server.now, expires=server.now + 86_400, tower_id=server.tower_id, first=first, commands=chosen
        )
        last = first + len(chosen) - 1
        self.sent = max(self.sent, last)
        return server.seal(encode_commands(payload)), last

    def taken(self, last: int) -> None:
        """The tower has acknowledged a packet that ended with this command."""
        self.known = max(self.known, last)
