"""What a person can do about an error, and the exit code that a command ends with (cli.md)."""

from typing import Final

from openharbor.kit.errors import NOT_REACHABLE, REFUSED
from openharbor.phone.errors import (
    NO_SESSION,
    NOT_CONNECTED,
    TIMED_OUT,
    TOWER_NOT_FOUND,
    ApiError,
    HarborError,
    SdkError,
)

FAILED: Final = 1
SERVER_ERRORS: Final = 500

AWAY: Final = frozenset({NOT_CONNECTED, TIMED_OUT, TOWER_NOT_FOUND})
ANEW: Final = "ask for a new token"
AGAIN: Final = "try again in a minute"
FIRMWARE: Final = {
    102: "see what the command needs",
    104: ANEW,
    106: "see what the command allows",
    107: f"it is expired: {ANEW}",
    201: f"this token was taken back or used up: {ANEW}",
    202: "begin a session",
    203: ANEW,
    204: "this session may not do it, or the token is another person's, or the tower is out of service",
    205: "the session is over: begin a new one",
    206: "the token is for another tower",
    207: f"the token is not for this tower, or damaged: {ANEW}",
    300: "the tower's electronics report a fault: tell its operator",
    301: "the door cannot be read",
    307: "the tower has lost its time: sync, then try again",
    310: "the tower cannot store what it does: tell its operator",
    501: "the locker has no lock: tell the tower's operator",
    502: "no locker fits: it is another one's, out of service, or not in the state that the token is for",
    503: "the locker was changed since it was opened",
    504: "open a locker in this session first",
    505: AGAIN,
    508: "sync once more",
    509: AGAIN,
    510: AGAIN,
}
API: Final = {
    0: "check the URL and the network",
    401: "get a new access token",
    403: "the access token does not allow it",
    404: "check the tower's id",
}
SDK: Final = {NO_SESSION: "`openharbor phone session` begins one"}


def told(error: HarborError) -> str:
    """One line: what, why, and what to do where that is known."""
    table = {"firmware": FIRMWARE, "api": API, "sdk": SDK}[error.domain]
    advice = table.get(error.code)
    return str(error) if advice is None else f"{error}: {advice}"


def exit_code(error: HarborError) -> int:
    """3 refused by the tower or the cloud, 4 not reachable, 1 for everything else."""
    if isinstance(error, SdkError):
        return NOT_REACHABLE if error.code in AWAY else FAILED
    if isinstance(error, ApiError) and (not error.code or error.code >= SERVER_ERRORS):
        return NOT_REACHABLE
    return REFUSED
