"""The composition root: opens the journal, wires boards, openings and the API, serves them, and stops in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from random import Random

import structlog

from openharbor.boards.address import Address, parse
from openharbor.boards.outcomes import BoardState
from openharbor.boards.wiring import BoardSettings, Wiring, wire
from openharbor.gateway.access import Access, is_loopback
from openharbor.gateway.housekeeping import keep_house
from openharbor.gateway.keeper import Keeper
from openharbor.gateway.location import DATABASE, migrate
from openharbor.gateway.messages import Storage
from openharbor.gateway.meters import Meters
from openharbor.gateway.open_all import OpenAll
from openharbor.gateway.open_requests import OpenRequests
from openharbor.gateway.opening import Openings
from openharbor.gateway.opening_journal import OpeningJournal
from openharbor.gateway.parts import GatewayParts
from openharbor.gateway.routes import operations
from openharbor.gateway.settings import ServiceSettings
from openharbor.gateway.site import Controller, Site
from openharbor.gateway.watch import Watch
from openharbor.kit.clock import Clock, SystemClock
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.logs import LogRing

log = structlog.get_logger("openharbor.gateway")
