"""What goes wrong for an app, in the domains and with the codes of Harbor's SDKs."""

from typing import Final, Literal

from openharbor.blink.refusals import error_name

Domain = Literal["sdk", "api", "firmware"]

# what the phone itself finds
NOT_CONNECTED: Final = 1
NO_SESSION: Final = 2
TIMED_OUT: Final = 3
UNREADABLE: Final = 4
TOWER_NOT_FOUND: Final = 5
SYNC_FAILED: Final = 6
SDK_NAMES: Final = {
    NOT_CONNECTED: "NOT_CONNECTED",
    NO_SESSION: "NO_SESSION",
    TIMED_OUT: "TIMED_OUT",
    UNREADABLE: "UNREADABLE",
    TOWER_NOT_FOUND: "TOWER_NOT_FOUND",
    SYNC_FAILED: "SYNC_FAILED",
}


class HarborError(Exception):
    """Why something could not be done. `code`: of the domain; `name`: its name. Holds no secret."""

    domain: Domain
    name: str

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class SdkError(HarborError):
    """The phone found it: no link, no session, no answer, an answer that is none. `code`: of SDK_NAMES."""

    domain: Domain = "sdk"

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.name = SDK_NAMES[code]


class ApiError(HarborError):
    """The cloud refused, or could not be asked. `code`: the HTTP status, 0 where no answer came."""

    domain: Domain = "api"

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.name = f"HTTP_{code}" if code else "NO_ANSWER"


class FirmwareError(HarborError):
    """The tower refused (blink-protocol.md 6.3). `authenticated`: inside the session; else anybody on the link may
    have said so, and the session goes on.
    """

    domain: Domain = "firmware"

    def __init__(self, code: int, *, authenticated: bool) -> None:
        self.name = error_name(code)
        super().__init__(code, f"the tower refused: {self.name} ({code})")
        self.authenticated = authenticated
