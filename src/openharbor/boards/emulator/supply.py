"""A power supply: every coil on it adds to its load, and too many bring it down (lock-boards.md 2.6, 6.2)."""

from typing import Protocol

from openharbor.boards.emulator.lock import Parts


class Load(Protocol):
    """A board on the supply."""

    def power_lost(self) -> None:
        """Coils are off, what was being answered is lost."""

    def boot(self) -> None:
        """Power is back: deaf until started."""


class Supply:
    """One supply and the boards it feeds."""

    def __init__(self, name: str, parts: Parts) -> None:
        self.name = name
        self.on = True
        self.coils: dict[tuple[int, int], int] = {}  # current by board and lock, mA
        self._parts = parts
        self._boards: list[Load] = []

    @property
    def load_ma(self) -> int:
        return sum(self.coils.values())

    def feed(self, board: Load) -> None:
        self._boards.append(board)

    def coil_on(self, board: int, lock: int, ma: int, *, by_fault: bool) -> bool:
        """Takes the load; False when the supply broke down under it."""
        others = [where for where in self.coils if where != (board, lock)]
        self.coils[board, lock] = ma
        self._traced()
        if others:
            detail = ", ".join(f"{b}/{n}" for b, n in [*others, (board, lock)])
            self._parts.trace.broken("two_coils", detail, board=board, lock=lock, by_fault=by_fault)
        if self.load_ma > self._parts.model.limit_ma:
            self.brown_out()
            return False
        return True

    def coil_changed(self, board: int, lock: int, ma: int | None) -> None:
        """A coil went off (None), or draws another current."""
        if ma is None:
            self.coils.pop((board, lock), None)
        else:
            self.coils[board, lock] = ma
        self._traced()

    def brown_out(self) -> None:
        """All coils off, every board on it starts again."""
        if self.on:
            self._parts.trace.add("power", detail=f"{self.name} brown-out")
            for board in self._boards:
                board.power_lost()
            for board in self._boards:
                board.boot()

    def switch(self, on: bool) -> None:
        """Power off or on."""
        if on == self.on:
            return
        self.on = on
        self._parts.trace.add("power", detail=f"{self.name} {'on' if on else 'off'}")
        for board in self._boards:
            board.boot() if on else board.power_lost()

    def _traced(self) -> None:
        self._parts.trace.add("current", detail=self.name, ma=self.load_ma)
