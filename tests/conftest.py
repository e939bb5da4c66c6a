"""What every test shares."""

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says nothing on a machine that has other work; speed is measured by benchmarks.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
