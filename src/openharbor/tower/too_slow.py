"""What a tower says instead of starting something that could not be answered in time (blink-protocol.md 2.4)."""

from msgspec.structs import replace

from openharbor.blink import refusals, tower_session
from openharbor.blink.refusals import Rejected
from openharbor.blink.tower_session import Answered, Asked
from openharbor.tower.answers import refused, refused_clear
from openharbor.tower.state import Answer, Draws, Step, Tower

TOO_SLOW = Rejected(refusals.SYS_RESOURCES, "it would take longer than 15 s")


def put_off(tower: Tower, frame: bytes, at_ms: int, draws: Draws) -> Step:
    """Instead of `device.received`: 505, in the form of the command; nothing that is kept over a power cut changes."""
    try:
        sessions, what = tower_session.receive(tower.sessions, frame, at_ms // 1000)
    except Rejected:
        return refused_clear(tower, TOO_SLOW, at_ms, failures=0)
    if isinstance(what, Answered):
        return Step(replace(tower, sessions=sessions), (Answer(what.frame),))
    if isinstance(what, Asked):
        return refused(replace(tower, sessions=sessions), what, TOO_SLOW, draws.iv, at_ms)
    return refused_clear(tower, TOO_SLOW, at_ms, failures=0)
