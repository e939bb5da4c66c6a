"""The contract file, read once, with its references followed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.postgres import postgres as postgres

CONTRACT = Path(__file__).parents[2] / "contract" / "gateway-local.yaml"


@pytest.fixture(scope="session")
def contract() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(CONTRACT.read_text())
    return loaded
