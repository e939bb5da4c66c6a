"""docs/boards.md says of the boards what the code says. `python -m tests.docs.test_boards_page` prints the table."""

import re
from pathlib import Path

from openharbor.boards.address_parameters import PARAMETERS
from openharbor.boards.protocols.codec import Family
from openharbor.boards.protocols.families import FAMILIES

PAGE = Path(__file__).parents[2] / "docs" / "boards.md"
HEADER = [
    "| driver | | locks | board addresses | serial, baud | TCP port | doors told by itself | answers an unlock |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
]


def row(family: Family) -> str:
    locks = f"1 to {family.locks[-1]}"
    addresses = f"{family.boards[0]} to {family.boards[-1]}"
    serial = str(family.baud) if family.serial else "no"
    port = str(family.default_port or "to be given")
    answers = "yes" if family.ack == "required" else "may stay silent"
    pushes = "yes" if family.pushes else "no"
    cells = (f"`{family.name}`", family.confidence, locks, addresses, serial, port, pushes, answers)
    return f"| {' | '.join(cells)} |"


def table() -> str:
    return "\n".join([*HEADER, *(row(family) for family in FAMILIES.values())])


def test_the_table_of_boards_is_made_from_the_drivers() -> None:
    shown = re.search(r"<!-- boards: start -->\n(.*?)\n<!-- boards: end -->", PAGE.read_text(), re.DOTALL)
    assert shown is not None
    assert shown.group(1) == table()


def test_every_parameter_of_an_address_is_described() -> None:
    text = PAGE.read_text()
    assert [name for name in PARAMETERS if f"`{name}`" not in text] == []


if __name__ == "__main__":
    print(table())
