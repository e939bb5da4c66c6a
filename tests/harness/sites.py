"""Site files for tests."""

from collections.abc import Sequence
from pathlib import Path

TYPES = """
gatewayId = "gw-test"
siteName = "Test site"
timezone = "UTC"

[settings]
openDetectionSeconds = {detection}

[[lockerTypes]]
slug = "small"
friendlyName = "Small"
widthMm = 100
heightMm = 100
depthMm = 100

[[lockerTypes]]
slug = "medium"
friendlyName = "Medium"
widthMm = 200
heightMm = 200
depthMm = 200

[[lockerTypes]]
slug = "large"
friendlyName = "Large"
widthMm = 400
heightMm = 400
depthMm = 400

[[lockerTypes]]
slug = "screen"
friendlyName = "Screen"
widthMm = 300
heightMm = 300
depthMm = 300
alwaysOos = true
"""


def site_file(
    path: Path, boards: Sequence[tuple[str, int]], *, types: Sequence[str] = ("medium",), detection: int = 2
) -> Path:
    """One bank for each (address, lockers); the types go round through the positions of a bank."""
    text = TYPES.format(detection=detection)
    for size in sorted({lockers for _, lockers in boards}):
        text += f'\n[[bankTypes]]\nbankTypeId = {size}\nfriendlyName = "Bank of {size}"\nassociations = [\n'
        for number in range(1, size + 1):
            kind, low = types[(number - 1) % len(types)], str(number == 3).lower()
            text += f'  {{ bankLockerNumber = {number}, lockerType = "{kind}", isLowLocker = {low} }},\n'
        text += "]\n"
    for number, (address, lockers) in enumerate(boards, 1):
        text += f'\n[[controllers]]\nname = "Bank {number}"\naddress = "{address}"\nbankTypeId = {lockers}\n'
        text += "commissioned = true\n"
    path.write_text(text)
    return path
