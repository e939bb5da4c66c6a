"""The commands in the pages run, in the order in which they stand there, and do what the text says."""

import json
import re
import shlex
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.api import Api, Reply
from harness.pages import PAGES, ROOT, commands, marked, parse_curl, unmarked
from harness.processes import openharbor, serving
from harness.sites import site_file
from harness.virtual_site import await_boards, found, virtual

pytestmark = pytest.mark.slow

PORTS = ("--port", "--control-port", "--listen")


class Reader:
    """Somebody who types what a page says, in a directory of their own and on free ports."""

    def __init__(self, directory: Path, services: ExitStack) -> None:
        self.directory, self._services = directory, services
        self._ports: dict[str, str] = {}
        self.ready: list[str] = []

    def type(self, line: str) -> Reply | None:
        """Runs one command. A server stays up for the rest of the page; a curl gives its answer."""
        if line.startswith("curl "):
            return self._curl(line)
        words = [self._here(word) for word in shlex.split(line, comments=True)]
        assert words[0] == "openharbor", line
        if "serve" in words:
            self._serve(words[1:])
        else:
            openharbor(*words[1:])
        return None

    def _serve(self, words: list[str]) -> None:
        asked = [word.rpartition(":")[2] for before, word in pairwise(words) if before in PORTS]
        free = [_any_port(word) if before in PORTS else word for before, word in pairwise(["", *words])]
        service = self._services.enter_context(serving(*free, log=self.directory / f"{words[0]}.log"))
        self.ready.append(service.ready)
        self._ports |= dict(zip(asked, re.findall(r":(\d+)(?=[?\s/]|$)", service.ready), strict=True))
        if words[0] == "gateway":
            await_boards(Api(service.url), 1)

    def _curl(self, line: str) -> Reply:
        curl = parse_curl(line)
        url = urlsplit(curl.url)
        assert str(url.port) in self._ports, f"nothing listens on {url.port}: {line}"
        api = Api(f"http://127.0.0.1:{self._ports[str(url.port)]}")
        path = url.path + (f"?{url.query}" if url.query else "")
        headers = {name.replace("-", "_"): value for name, value in curl.headers.items()}
        raw = None if curl.body is None else curl.body.encode()
        return api.call(curl.method, path, raw, **headers)

    def _here(self, word: str) -> str:
        """Paths of the page below this reader's directory; those of the repository as they are."""
        if word.startswith("sqlite:///"):
            return f"sqlite:///{self.directory}/cloud.db"
        if word.startswith("src/"):
            return str(ROOT / word)
        if word.startswith(("./", "/var/lib/")) or word.endswith((".toml", ".backup")):
            return str(self.directory / word.strip("./").replace("/", "-"))
        return word


def _any_port(place: str) -> str:
    """The same with a free port: 8080, or 127.0.0.1:46400."""
    host, colon, _ = place.rpartition(":")
    return f"{host}{colon}0"


def test_the_tour_of_the_readme_runs_as_told(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    tour = marked(text, "tour")
    with ExitStack() as services:
        reader = Reader(tmp_path, services)
        lines = [line for line in commands(tour) if line != ". .venv/bin/activate"]
        answers = [answer for line in lines if (answer := reader.type(line)) is not None]
        statuses = [answer.status for answer in answers]
        assert statuses == [200, 201, 200, 200, 204]
        lockers, made, opened, shown, _ = (answer.body for answer in answers)
        assert lockers
        assert all(one["available"] for one in lockers)
        assert (made["transactionId"], made["lockerType"]) == ("parcel-1", "medium")
        printed = _json_block_after(text, "The open answers with what was seen")
        assert {**opened, "durationMs": 0} == {**printed, "durationMs": 0}
        assert shown["openCount"] == 1
        assert f"{reader.ready[0].rsplit(':', 1)[0]}:8080" in tour.replace("`", "")


def _json_block_after(text: str, words: str) -> dict[str, object]:
    block = re.search(r"```json\n(.*?)```", text[text.index(words) :], re.DOTALL)
    assert block is not None
    found: dict[str, object] = json.loads(block.group(1))
    return found


def test_the_sandbox_of_the_integrators_page_runs_as_told_and_a_gateway_can_use_it(tmp_path: Path) -> None:
    sandbox = marked((ROOT / "docs" / "integrators.md").read_text(), "sandbox")
    with ExitStack() as services:
        reader = Reader(tmp_path, services)
        answers = [answer for line in commands(sandbox) if (answer := reader.type(line)) is not None]
        assert len(answers) == 5
        assert all(answer.status < 300 for answer in answers), [answer.body for answer in answers]
        assert len(answers[1].body) == 6
        assert answers[2].body == []
        address = reader.ready[0].split()[3]
        site_file(tmp_path / "site.toml", [(address, 6)])
        data = found(tmp_path / "site", [(address, 6)])
        gateway = services.enter_context(
            serving("gateway", "serve", "--data", str(data), "--port", "0", log=tmp_path / "g")
        )
        await_boards(Api(gateway.url), 1)
        assert Api(gateway.url).post("/lockers/2/open").body["confirmed"] is True


def test_every_other_command_of_the_pages_runs(tmp_path: Path) -> None:
    site_file(tmp_path / "site.toml", [virtual("a", 2)])
    for page in PAGES:
        for line in commands(unmarked(page.read_text())):
            if line.startswith("openharbor demo"):
                continue  # tests/story
            if line.startswith(("make ", ". ", "git ", "uv ")):
                continue  # see below; the rest prepares a working copy
            with ExitStack() as services:
                Reader(tmp_path, services).type(line)


def test_every_make_target_of_the_pages_exists() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for page in PAGES:
        for line in commands(page.read_text()):
            if line.startswith("make "):
                assert shlex.split(line, comments=True)[1] in targets, f"{page.name}: {line}"
