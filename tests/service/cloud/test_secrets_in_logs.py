"""No secret is in the log, not even at its most talkative, nor in any error that anybody is told."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from harness.api import Api, Reply
from harness.clouds import TOKEN_PATH, TOWER, Client, Cloud, CloudDatabase, bearer, cloud, token
from harness.processes import openharbor, until

from .contract import PREFIX, SDK, operations
from .receiver import Receiver, receiving

LOCKER = f"{PREFIX}/towers/{TOWER}/lockers/959"
PASSWORD = "a wrench, a ladder, a lamp"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Story:
    """What was told on the way, and the secrets of it, each under a name."""

    cloud: Cloud
    secrets: dict[str, str] = field(default_factory=dict)
    errors: list[Reply] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    def keep(self, name: str, secret: str) -> str:
        """A secret, in the forms in which it may stand somewhere."""
        assert len(secret) >= 12, name
        self.secrets[name] = secret
        self.secrets[f"{name}, quoted"] = quote(secret, safe="")
        return secret

    def keep_token(self, name: str, text: str) -> str:
        """The parts of it are as good as the whole."""
        self.keep(f"{name}, signature", text.rsplit(".", 1)[1])
        return self.keep(name, text)

    def refused(self, reply: Reply, *statuses: int) -> None:
        assert reply.status in (statuses or (400, 401, 403, 404, 405, 409, 413, 422)), reply
        self.errors.append(reply)

    def run(self, *arguments: str, **further: Any) -> str:
        """A command; what it prints for people is not for its secrets, but where it shows them once."""
        done = openharbor(*arguments, **further)
        self.printed.append(done.stderr)
        return done.stdout


@pytest.fixture(scope="module")
def story(database: CloudDatabase) -> Story:
    directory = database.master_key_file.parent
    env = {"OPENHARBOR_LOG_LEVEL": "debug"}
    arguments = ("operator", "create", *database.flags, "technician@example.com", "--password-stdin")
    openharbor("cloud", *arguments, stdin=f"{PASSWORD}\n")
    with receiving() as receiver, cloud(database, directory / "log", "--log-level", "debug", env=env) as served:
        told = Story(served)
        secrets_of_the_installation(told, database, directory)
        for client in (database.acme, database.library):
            tokens(told, client)
        webhooks(told, receiver)
        delivery(told)
        link(told)
        phone(told)
        errors(told)
        secret_in_the_wrong_place(told)
    with cloud(database, directory / "log", "--log-level", "debug", env=env):
        pass  # a second start reads everything that the first has stored
    commands(told, directory)
    return told


def secrets_of_the_installation(story: Story, database: CloudDatabase, directory: Path) -> None:
    story.keep("master key", database.master_key_file.read_text().strip())
    for name in directory.glob("*.json"):
        root = json.loads(name.read_text())["key"]["root"]
        story.keep(f"root key of {name.stem}", root)
        story.keep(f"root key of {name.stem}, base64", base64.b64encode(bytes.fromhex(root)).decode())


def tokens(story: Story, client: Client) -> None:
    """By form and by Basic, good and bad."""
    story.keep(f"secret of {client.client_id}", client.secret)
    basic = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()
    story.keep(f"Basic of {client.client_id}", basic)
    api, by_form = Api(story.cloud.url), {"client_id": client.client_id, "client_secret": client.secret}
    for headers, fields in ((Headers(Authorization=f"Basic {basic}"), {}), (Headers(), by_form)):
        reply = api.call("POST", TOKEN_PATH, form(grant_type="client_credentials", **fields), **headers)
        assert reply.status == 200, reply
        story.keep_token(f"access token of {client.client_id} {len(fields)}", reply.body["access_token"])
        for wrong in ({"scope": "everything"}, {"grant_type": "password"}, {"refresh_token": client.secret}):
            asked = {"grant_type": "refresh_token" if "refresh_token" in wrong else "client_credentials", **fields}
            story.refused(api.call("POST", TOKEN_PATH, form(**{**asked, **wrong}), **headers))
    wrong_id = form(grant_type="client_credentials", client_id=client.secret, client_secret=client.secret)
    story.refused(api.call("POST", TOKEN_PATH, wrong_id, **Headers()))
    story.refused(api.call("POST", TOKEN_PATH, wrong_id + b"&client_secret=" + client.secret.encode(), **Headers()))


class Headers(dict[str, str]):
    def __init__(self, **further: str) -> None:
        super().__init__(Content_Type=FORM, **further)


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def webhooks(story: Story, receiver: Receiver) -> None:
    api = story.cloud.api()
    receiver.answers += [500, 204]
    made = api.post(f"{PREFIX}/webhook-endpoints", {"url": f"{receiver.url}?key=query-of-the-receiver"}).body
    keep_whsec(story, "first", made["secret"])
    path = f"{PREFIX}/webhook-endpoints/{made['id']}"
    for number in range(2):
        assert api.post(f"{path}/test").status == 202
        until(lambda number=number: len(receiver.received) > number, within=30)
    keep_whsec(story, "second", api.patch(path, {"rotateSecret": True}).body["secret"])
    assert api.post(f"{path}/test").status == 202
    until(lambda: len(receiver.received) > 2, within=30)
    for one in receiver.received:
        for signature in one.headers["webhook-signature"].split():
            story.keep(f"signature of {one.id} {signature[:6]}", signature.removeprefix("v1,"))
    story.refused(api.patch(path, {"url": f"http://10.0.0.1/{made['secret']}", "secret": made["secret"]}), 422)


def keep_whsec(story: Story, name: str, secret: str) -> None:
    assert secret.startswith("whsec_")
    story.keep(f"{name} webhook secret", secret.removeprefix("whsec_"))
    story.keep(f"{name} webhook secret, hex", base64.b64decode(secret.removeprefix("whsec_")).hex())


def delivery(story: Story) -> None:
    api = story.cloud.api()
    made = api.post(f"{LOCKER}/dropoff-locker-tokens", {"client_info": "order-1042", "duration": 3600}).body
    keep_payload(story, "drop-off", made)
    other = story.cloud.api(story.cloud.database.library)
    for name in ("dropoff", "pickup"):
        story.refused(other.post(f"{LOCKER}/{name}-locker-tokens", {"client_info": made["payload"]}), 409)
    story.refused(api.post(f"{LOCKER}/pickup-locker-tokens", {"client_info": made["payload_auth"]}), 409)
    sdk = api.post(f"{PREFIX}/login/authorize", {"userId": "Ada"}).body["access_token"]
    story.keep_token("token of an end user", sdk)
    story.refused(bearer(story.cloud.url, sdk).post(f"{LOCKER}/release-locker", {}), 403)


def keep_payload(story: Story, name: str, made: Mapping[str, Any]) -> None:
    story.keep(f"{name} payload", made["payload"])
    story.keep(f"{name} payload, authentication", made["payload_auth"])


def link(story: Story) -> None:
    api = story.cloud.api()
    body = {"locationId": 54, "lockerTypeId": 2, "keypadIntent": "pickup", "clientInfo": "order-1"}
    made = api.post(f"{PREFIX}/locker-open-requests/dropoff-locker-request", body).body
    text = made["linkToken"].rsplit("/", 1)[1]
    story.keep_token("link token", text)
    holder, path = bearer(story.cloud.url, text), f"{PREFIX}/locker-open-requests/{made['id']}"
    drawn = holder.post(f"{path}/tokens").body
    keep_payload(story, "drawn", drawn)
    story.keep_token("token of the SDK", drawn["sdk_access_token"])
    story.refused(holder.get(path), 401)
    assert api.delete(path).status == 204
    story.refused(holder.post(f"{path}/tokens"), 409)
    story.refused(Api(story.cloud.url).get(f"/open/{text}"), 404)


def phone(story: Story) -> None:
    """What a phone asks for, with a client's token and with an operator's; good and bad."""
    password = story.keep("password of a technician", PASSWORD)
    api, path = Api(story.cloud.url), "/sdk/v1/login/access-token"
    signed_in = api.call("POST", path, form(username="technician@example.com", password=password), **Headers())
    story.keep_token("token of a technician", signed_in.body["access_token"])
    for wrong in ({"username": password}, {"password": f"{password}!"}, {"username": ""}):
        fields = {"username": "technician@example.com", "password": password, **wrong}
        story.refused(api.call("POST", path, form(**fields), **Headers()))
    for text in (signed_in.body["access_token"], token(story.cloud.url, story.cloud.database.acme, "tower_access")):
        session(story, bearer(story.cloud.url, text))
        for operation in operations(SDK).values():
            at = operation.at({"tower_id": TOWER})
            story.refused(bearer(story.cloud.url, text[:-4]).call(operation.method, at, operation.body), 401, 422)
            if operation.body is not None:
                story.refused(bearer(story.cloud.url, text).call(operation.method, at, f'["{text}"'.encode()), 422)


def session(story: Story, api: Api) -> None:
    tower = f"/sdk/v1/towers/{TOWER}"
    made = api.post(f"{tower}/session-token", {"duration": 600, "claims": ["developer"]}).body
    keep_payload(story, f"session {made['payload'][2:8]}", made)
    story.keep(f"seed {made['payload'][2:8]}", made["session_seed"])
    packet = {"syncEventStart": 1, "syncEventCount": 0, "payload": made["payload"], "payloadAuth": made["payload_auth"]}
    story.refused(api.post(f"{tower}/events", [packet]), 400)
    story.refused(api.post(f"{tower}/events", [{**packet, "payload": made["session_seed"] + "x"}]), 422)
    story.refused(api.post(f"{tower}/session-token", {"duration": 600, "claims": [made["session_seed"]]}), 422)


def errors(story: Story) -> None:
    """Every operation with a token that is cut short, and with a body that is none."""
    text = story.keep_token("another access token", token(story.cloud.url, story.cloud.database.acme))
    cut, whole = bearer(story.cloud.url, text[:-4]), bearer(story.cloud.url, text)
    ids = dict.fromkeys(IDS, f"x{text[-12:]}")
    for operation in operations().values():
        story.refused(cut.call(operation.method, operation.at(ids), operation.body), 401)
        if operation.body is not None:
            story.refused(whole.call(operation.method, operation.at(ids), f'["{text}"'.encode()), 404, 422)


IDS = ("location_id", "tower_id", "locker_id", "reservation_id", "request_id", "endpoint_id", "delivery_id")


def secret_in_the_wrong_place(story: Story) -> None:
    """People put secrets into addresses, methods and headers; a log must bear it."""
    client, url = story.cloud.database.acme, story.cloud.url
    text = story.keep_token("an access token in the wrong place", token(url, client))
    api = Api(url)
    story.refused(api.get(f"{PREFIX}/locker-types?access_token={text}"), 401)
    story.refused(api.call("POST", f"{TOKEN_PATH}?client_secret={client.secret}", b"", **Headers()), 400, 401)
    story.refused(api.get(f"{PREFIX}/login/{text}"), 404)
    story.refused(Api(url, {"Authorization": f"Token {text}"}).get(f"{PREFIX}/locker-types"), 401)
    story.refused(Api(url, {"Authorization": text}).get(f"{PREFIX}/locker-types"), 401)
    story.refused(Api(url, {"Authorization": f"Bearer {client.secret}"}).get(f"{PREFIX}/locker-types"), 401)


def commands(story: Story, directory: Path) -> None:
    flags = story.cloud.database.flags
    password = story.keep("password of an operator", "a horse, a battery, a staple")
    arguments = ("cloud", "operator", "create", *flags, "ops@example.com", "--password-stdin")
    assert password not in story.run(*arguments, stdin=f"{password}\n")
    story.printed.append(openharbor(*arguments, stdin=f"{password}\n", check=False).stderr)
    out = str(directory / "again.json")
    story.printed.append(openharbor("cloud", "tower", "provision", *flags, TOWER, "--out", out, check=False).stderr)
    story.printed.append(story.run("cloud", "tower", "rotate-key", *flags, TOWER))
    story.printed.append(story.run("cloud", "signing-key", "rotate", *flags))
    story.printed.append(story.run("cloud", "master-key", "rotate", *flags))
    story.keep("next master key", story.cloud.database.master_key_file.read_text().strip())


def found_in(text: str, story: Story) -> list[str]:
    return sorted(name for name, secret in story.secrets.items() if secret in text)


def test_the_log_says_much_and_no_secret(story: Story) -> None:
    log = story.cloud.service.log.read_text()
    assert log.count("Request answered") > 50
    leaking = {line: found for line in log.splitlines() if (found := found_in(line, story))}
    assert leaking == {}


def test_no_error_repeats_a_secret(story: Story) -> None:
    for reply in story.errors:
        told = json.dumps([reply.body, dict(reply.headers)], ensure_ascii=False)
        assert found_in(told, story) == [], reply


def test_no_command_prints_a_secret_that_it_was_not_asked_for(story: Story) -> None:
    assert found_in("\n".join(story.printed), story) == []
