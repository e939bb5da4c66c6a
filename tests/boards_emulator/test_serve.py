"""`openharbor cabinet serve` as a process (cli.md)."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from openharbor.boards.emulator.serve import ready_line, run
from openharbor.kit.errors import Failed

COMMAND = """
import sys
from openharbor.boards.emulator.serve import run
sys.exit(run(**{options}, say=lambda line: print(line, flush=True)))
"""


@contextmanager
def served(**options: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    program = COMMAND.replace("{options}", repr(options))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def ask(port: int, frame: str, size: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(bytes.fromhex(frame))
        answer = b""
        while len(answer) < size:
            answer += line.recv(100)
    return answer.hex(" ").upper()


def test_the_ready_line_is_as_people_script_against_it() -> None:
    urls = ["kerong-cu16+tcp://127.0.0.1:5000?board=0&feedback=closed_is_1"]
    assert ready_line(urls, "http://127.0.0.1:5001") == (
        "openharbor cabinet ready kerong-cu16+tcp://127.0.0.1:5000?board=0&feedback=closed_is_1 "
        "control http://127.0.0.1:5001"
    )


def test_a_served_cabinet_answers_and_ends_with_0_when_asked_to() -> None:
    with served(protocol="kerong-cu16", boards="0,1") as (process, line):
        found = re.fullmatch(
            r"openharbor cabinet ready kerong-cu16\+tcp://127\.0\.0\.1:(\d+)\?board=0&feedback=closed_is_1 "
            r"kerong-cu16\+tcp://127\.0\.0\.1:\1\?board=1&feedback=closed_is_1 control http://127\.0\.0\.1:\d+",
            line,
        )
        assert found
        assert ask(int(found[1]), "02 10 30 03 45", 9) == "02 10 35 FF FF 00 00 03 48"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_the_ready_line_as_json() -> None:
    with served(protocol="wkly", pty=True, as_json=True, speed=10) as (process, line):
        ready = json.loads(line)
        assert ready["address"].startswith("wkly+serial:///")
        assert ready["addresses"] == [ready["address"]]
        assert ready["control"].startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "cu99"}, "protocol 'cu99' is none of kerong-cu16, "),
        ({"protocol": "kerong-cu16", "lockers": 17}, "locks must be 1 to 16 for kerong-cu16, not 17"),
        ({"protocol": "kerong-cu16", "board": 10}, "board must be 0 to 9, not 10"),
        ({"protocol": "modbus-tcp", "pty": True}, "modbus-tcp has no pty line, only tcp, pipe"),
        ({"protocol": "wkly", "pty": True, "port": 5000}, "--port and --pty exclude each other"),
        ({"protocol": "wkly", "board": 1, "boards": "0,1"}, "--board and --boards exclude each other"),
        ({"protocol": "wkly", "boards": "0;1"}, "--boards must be addresses like 0,1, not '0;1'"),
        ({"protocol": "wkly", "boards": "0,0"}, "board 0 is taken"),
        ({"protocol": "wkly", "speed": 0}, "speed must be 0.01 to 1000, not 0"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(options: dict[str, object], message: str) -> None:
    with pytest.raises(Failed) as failed:
        run(**options, say=lambda _line: None)  # type: ignore[arg-type]  # what a person may type
    assert str(failed.value).startswith(message)
    assert failed.value.exit_code == 2


def test_a_taken_port_is_named_and_ends_with_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failed, match=f"cannot listen on port {port} or control port 0") as failed:
            run(protocol="wkly", port=port, say=lambda _line: None)
        assert failed.value.exit_code == 1
