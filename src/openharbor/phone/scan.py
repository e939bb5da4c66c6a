"""What a phone hears while it scans: the two packets of each device, put together (blink-protocol.md 2.2, F-15)."""

from typing import Final

from openharbor.blink.advertising import AskForInfo, Identity, read_scan
from openharbor.phone.transport import Found

MOST_AROUND: Final = 1000  # devices that are remembered
MOST_NEWS: Final = 1000

Heard = tuple[str, Identity | AskForInfo]


class Scan:
    """The devices around. A device counts as heard when its scan response came, or its advertisement a second time."""

    def __init__(self) -> None:
        self._around: dict[str, bytes] = {}
        self._news: list[Heard] = []

    def hear(self, address: str, data: bytes, *, response: bool) -> bool:
        """Takes a packet in; whether there is news."""
        before = self._around.get(address)
        if not response:
            self._remember(address, data)
        if before is None:
            return False
        what = read_scan(before, data) if response else read_scan(data, b"")
        if what is None or len(self._news) >= MOST_NEWS:
            return False
        self._news.append((address, what))
        return True

    def news(self) -> list[Heard]:
        """Towers heard since the last time."""
        news, self._news = self._news, []
        return news

    def _remember(self, address: str, data: bytes) -> None:
        self._around.pop(address, None)
        self._around[address] = data
        if len(self._around) > MOST_AROUND:
            del self._around[next(iter(self._around))]


def found(who: Identity, address: str) -> Found:
    """What a phone shows of a tower."""
    return Found(tower_id=who.tower_id, name=who.name, firmware=".".join(map(str, who.firmware)), address=address)
