"""Connection URLs of lock boards (lock-boards.md 5.1): one text for where a board is and how it is set up."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from openharbor.boards.outcomes import Feedback
from openharbor.boards.places import place_of, plain_host, read_place, show_place
from openharbor.boards.protocols.families import FAMILIES
from openharbor.boards.url_parameters import PARAMETERS, Draft, board_parameter

MOST_CHARACTERS = 255

Transport = Literal["serial", "tcp", "virtual"]
Line = tuple[str, str]


class AddressError(ValueError):
    """An address that is refused. `parameter` names the part: a parameter of the query, or scheme, host, port, path,
    name, credentials, address."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(f"{parameter}: {message}")
        self.parameter = parameter
        self.message = message
