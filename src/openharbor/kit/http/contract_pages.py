"""`/openapi.json` and `/docs`: the contract file as it is served and as people read it. Made once, when asked for."""

import asyncio
from functools import lru_cache, partial
from pathlib import Path

from openharbor.kit.http.docs_page import POLICY, docs_page
from openharbor.kit.http.operation import Answer, Call, Operation


def operations(contract: Path, prefix: str = "") -> list[Operation]:
    """Both pages below `prefix`, open to everybody. Raises FileNotFoundError without the file."""
    if not contract.is_file():
        raise FileNotFoundError(contract)
    json_path = f"{prefix}/openapi.json"
    return [
        Operation("getContract", "GET", json_path, partial(_json, contract), None),
        Operation("getDocs", "GET", f"{prefix}/docs", partial(_docs, contract, json_path), None),
    ]


async def _json(contract: Path, _call: Call) -> Answer:
    return Answer(200, await asyncio.to_thread(_contract_json, contract))


async def _docs(contract: Path, json_path: str, _call: Call) -> Answer:
    page = await asyncio.to_thread(_docs_html, contract, json_path)
    return Answer(200, page, {"Content-Security-Policy": POLICY}, "text/html; charset=utf-8")


@lru_cache(maxsize=8)
def _contract_json(contract: Path) -> bytes:
    from openharbor.kit.http.contract_file import contract_json  # a service starts without a YAML reader

    return contract_json(contract)


@lru_cache(maxsize=8)
def _docs_html(contract: Path, json_path: str) -> bytes:
    from openharbor.kit.http.contract_file import load_contract

    return docs_page(load_contract(contract), json_path).encode()
