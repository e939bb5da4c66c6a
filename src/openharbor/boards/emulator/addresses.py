"""Connection URLs of emulated boards (lock-boards.md 5.1)."""

from openharbor.boards.emulator.cabinet import Cabinet

VIRTUAL_SPEAKS, VIRTUAL_FEEDBACK, VIRTUAL_LOCKS = "wkly", "closed_is_1", 16


def url(cabinet: Cabinet, board: int, place: str) -> str:
    """The canonical URL: parameters sorted, defaults left out. Raises ValueError for a board that is not there."""
    if board not in cabinet.boards:
        raise ValueError(f"board {board} is none of {', '.join(map(str, cabinet.boards))}")
    family, scheme, _ = cabinet.family, *place.split("://", 1)
    parameters = _parameters(cabinet, board)
    if scheme == "virtual":
        parameters["speaks"] = family.name
        defaults = {family.address_name: str(family.default_board), "feedback": VIRTUAL_FEEDBACK}
        defaults |= {"speaks": VIRTUAL_SPEAKS, "locks": str(family.default_locks or VIRTUAL_LOCKS)}
        parameters = {name: value for name, value in parameters.items() if defaults.get(name) != value}
    query = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
    prefix = "" if scheme == "virtual" or family.name == "modbus-tcp" else f"{family.name}+"
    where = place if family.name != "modbus-tcp" else place.replace("tcp://", "modbus-tcp://", 1)
    return f"{prefix}{where}?{query}".rstrip("?")


def _parameters(cabinet: Cabinet, board: int) -> dict[str, str]:
    family, model, locks = cabinet.family, cabinet.parts.model, len(cabinet.boards[board].locks)
    found = {family.address_name: str(board), "feedback": cabinet.parts.feedback}
    if locks != family.default_locks:
        found["locks"] = str(locks)
    if family.name == "kerong-cu48" and model.reply_layout != "count":
        found["reply_layout"] = model.reply_layout
    if family.name == "winnsen" and model.status_order != "status_first":
        found["status_order"] = model.status_order
    if family.name == "wkly" and not model.sequence_count:
        found["sequence_count"] = "0"
    if family.name == "xor8a80" and model.status_bytes == 1:
        found["status_bytes"] = "1"
    return found
