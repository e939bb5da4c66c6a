"""What the model of a tower remembers: of each locker, of each drop-off token used, of the session that runs."""

from dataclasses import dataclass, field

from openharbor.blink.payloads import OpenPayload
from openharbor.cloud.lockers.facts import AccessKind, After

KINDS: dict[int, AccessKind] = {1: "dropoff", 2: "pickup", 3: "release"}


@dataclass(slots=True)
class Use:
    """A drop-off token that was used: blink-protocol.md 7.1."""

    session: int
    at_s: int
    reverted: bool = False
    confirmed: bool = False
    found_free: bool = True


@dataclass(slots=True)
class Cell:
    """One locker at the tower. `parcel`: whose parcel lies in it, which no part of the software can see."""

    taken: bool = False
    locker_token: str = ""
    generation: int = 0
    retired: int = 0
    used: dict[int, Use] = field(default_factory=dict)
    disabled: bool = False
    code: str = ""
    code_persists: bool = False
    watched: tuple[int | None, AccessKind | None] | None = None
    emptied: bool = False  # by a pick-up whose door is still open
    emptied_by: int | None = None
    parcel: int | None = None

    def after(self) -> After:
        return After(
            taken=self.taken,
            locker_token=self.locker_token,
            generation=self.generation,
            retired=self.retired,
            keypad=bool(self.code),
        )

    def free(self, retired: int) -> None:
        self.taken, self.locker_token, self.code = False, "", ""
        self.used.clear()
        self.retired = max(self.retired, retired)


@dataclass(slots=True)
class Session:
    """What the running session opened last; a revert undoes it once."""

    number: int
    began_s: int = 0
    heard_s: int = 0
    cell: int = 0
    token_id: int | None = None
    kind: int = 0
    owner: int = 0
    reverted: bool = False
    second_try: OpenPayload | None = None  # the token whose opening jammed
