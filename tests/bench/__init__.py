"""`python -m tests.bench`: speed and memory, each figure beside its limit."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # for `harness`, as pytest has it
