from collections.abc import Sequence
from pathlib import Path
from openharbor.kit.http.operation import Operation


def operations(contract: Path, prefix: str = "") -> Sequence[Operation]:
    return []
