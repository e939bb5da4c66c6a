"""Somebody at a prompt, who types what a page says."""

import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness.pages import FENCE, ROOT, commands, marked
from harness.processes import serving

STARTS = ("openharbor cloud", "openharbor cabinet", "openharbor tower", ". ")
SHOWS = ("call ", "curl ", "openharbor ")
DEFINES = re.compile(r"(CLOUD|CLIENT|TOKEN|TOWER)=|(of|call)\(\)")  # what the README's shop types first


class Prompt:
    """In a directory of their own and on free ports."""

    def __init__(self, directory: Path, services: ExitStack) -> None:
        self._directory, self._services = directory, services
        self._ports: dict[str, str] = {}

    def start(self, *lines: str) -> None:
        """What prepares and what serves, in order; a server stays up."""
        for line in lines:
            if " serve " in line:
                self._serve(shlex.split(line)[1:])
            elif line.startswith("openharbor"):
                self._typed(line.replace("src/openharbor", str(ROOT / "src" / "openharbor")))

    def type(self, *lines: str) -> list[Any]:
        """What is seen by who types these lines into one shell: documents as they are read, and lines of text."""
        shown = self._typed("\n".join(f"{line}\necho" if line.startswith(SHOWS) else line for line in lines))
        seen = [line for line in shown.splitlines() if line.strip()]
        return [json.loads(line) if line.startswith(("{", "[")) else line for line in seen]

    def save(self, page: Path, name: str) -> None:
        """The program of a page's marked part, as `name.py`."""
        programs = [block for language, block in FENCE.findall(marked(page.read_text(), name)) if language == "python"]
        (self._directory / f"{name}.py").write_text("".join(programs))

    def _serve(self, words: list[str]) -> None:
        asked = [re.sub(r"^.*:", "", word) for at, word in enumerate(words) if _names_a_port(words, at)]
        free = [re.sub(r"\d+$", "0", word) if _names_a_port(words, at) else word for at, word in enumerate(words)]
        here = [word.replace(":///./", f":///{self._directory}/") for word in free]
        here = [f"{self._directory}/{word[2:]}" if word.startswith("./") else word for word in here]
        service = self._services.enter_context(serving(*here, log=self._directory / "log"))
        self._ports |= dict(zip(asked, re.findall(r":(\d+)(?=[?\s/]|$)", service.ready), strict=True))

    def _typed(self, script: str) -> str:
        for asked, given in self._ports.items():
            script = script.replace(f"127.0.0.1:{asked}", f"127.0.0.1:{given}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def parts(page: Path, name: str) -> tuple[list[str], list[str]]:
    """The commands of a page's marked part: those that prepare and serve, and those that are typed into one shell."""
    lines = commands(marked(page.read_text(), name))
    return [one for one in lines if one.startswith(STARTS)], [one for one in lines if not one.startswith(STARTS)]


def _names_a_port(words: list[str], at: int) -> bool:
    return at > 0 and words[at - 1] in ("--port", "--control-port", "--listen")
