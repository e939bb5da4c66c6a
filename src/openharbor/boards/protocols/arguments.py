"""Arguments of commands, checked before they become bytes. Whatever is out of range or not a command is refused."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NoReturn

from openharbor.boards.protocols.codec import EncodeError

Arguments = Mapping[str, int | Sequence[int]]
Options = Mapping[str, int | str | None]
Builder = Callable[[Arguments, Options], bytes]

NO_OPTIONS: Options = MappingProxyType({})


def number(args: Arguments, name: str, limits: range) -> int:
    """The whole number called `name`. Raises EncodeError "range" unless it is one of `limits`."""
    return within(name, args.get(name), limits)


def numbers(args: Arguments, name: str, limits: range) -> tuple[int, ...]:
    """One number or more, each one of `limits`. Raises EncodeError "range"."""
    values = args.get(name)
    if not isinstance(values, Sequence) or not values:
        raise EncodeError("range", f"{name} must be a list of one number or more")
    return tuple(within(name, value, limits) for value in values)


def within(name: str, value: object, limits: range) -> int:
    """`value`, if it is a whole number of `limits`. Raises EncodeError "range"."""
    if type(value) is not int or value not in limits:
        raise EncodeError("range", f"{name} must be from {limits[0]} to {limits[-1]}, not {value}")
    return value


def build(
    driver: str, commands: Mapping[str, Builder], command: str, args: Arguments, options: Options = NO_OPTIONS
) -> bytes:
    """The frame of a command. Raises EncodeError "range", or "forbidden" for whatever is not in `commands`."""
    if command not in commands:
        forbidden(f"{driver} never sends {command}")
    return commands[command](args, options)


def forbidden(message: str) -> NoReturn:
    raise EncodeError("forbidden", message)
