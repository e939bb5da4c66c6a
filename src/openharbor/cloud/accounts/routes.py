"""HTTP of the accounts (accounts.yaml), and of the login operations of the service-provider API."""

from openharbor.cloud.accounts import messages as m
from openharbor.cloud.accounts.keeper import AccountKeeper
from openharbor.cloud.accounts.scopes import SCOPES, SERVICE_PROVIDER, TOWER_ACCESS
from openharbor.cloud.accounts.signing_keys import CERTS_KEPT_S, signing_algorithm
from openharbor.cloud.accounts.tokens import END_USER_TOKEN_S
from openharbor.cloud.accounts.wiring import Accounts
from openharbor.cloud.parts import CloudParts
from openharbor.kit.http.error_styles import OAUTH_STYLE
from openharbor.kit.http.operation import Answer, Call, Operation
from openharbor.kit.http.timestamps import rfc3339

REALM = "/realms/harbor"
TOKEN = f"{REALM}/protocol/openid-connect/token"
CERTS = f"{REALM}/protocol/openid-connect/certs"
DISCOVERY = f"{REALM}/.well-known/openid-configuration"
KEPT = {"cache-control": f"public, max-age={CERTS_KEPT_S}"}


def operations(parts: CloudParts, accounts: Accounts) -> list[Operation]:
    """Those of both contracts; with an external issuer without the first (accounts.yaml, introduction)."""
    own = [] if accounts.keeper.external is not None else _realm_operations(parts, accounts)
    return [*own, *_login_operations(accounts)]


def _realm_operations(parts: CloudParts, accounts: Accounts) -> list[Operation]:
    async def get_certs(_: Call) -> Answer:
        return Answer(200, m.JwkSet([key.jwk for key in accounts.keeper.listed()]), KEPT)

    async def get_openid_configuration(_: Call) -> Answer:
        return Answer(200, configuration(accounts.keeper, parts.public_url), KEPT)

    return [
        Operation(
            "create_token",
            "POST",
            TOKEN,
            accounts.token_endpoint.answer,
            None,
            headers=m.TokenHeaders,
            form=m.TokenForm,
            changes_state=True,
            limited=False,
            error_style=OAUTH_STYLE,
        ),
        Operation("get_certs", "GET", CERTS, get_certs, None, limited=False, error_style=OAUTH_STYLE),
        Operation(
            "get_openid_configuration",
            "GET",
            DISCOVERY,
            get_openid_configuration,
            None,
            limited=False,
            error_style=OAUTH_STYLE,
        ),
    ]


def _login_operations(accounts: Accounts) -> list[Operation]:
    async def test_token(call: Call) -> Answer:
        return Answer(200, token_info(call))

    async def authorize_end_user(call: Call) -> Answer:
        token = accounts.access_tokens.issue(
            str(call.caller.name),
            TOWER_ACCESS,
            now=call.received_at,
            lives_s=END_USER_TOKEN_S,
            user_id=call.body.user_id,
            organization_id=call.caller.tenant,
        )
        return Answer(200, m.AuthorizeResult(token, "Bearer", END_USER_TOKEN_S))

    return [
        Operation("test_token", "POST", "/api/v1/login/test-token", test_token, SERVICE_PROVIDER, limited=False),
        Operation(
            "authorize_end_user",
            "POST",
            "/api/v1/login/authorize",
            authorize_end_user,
            SERVICE_PROVIDER,
            body=m.AuthorizeRequest,
            limited=False,
        ),
    ]


def configuration(keeper: AccountKeeper, public_url: str) -> m.OpenIdConfiguration:
    """The issuer's metadata. `public_url`: without a slash at the end."""
    algorithms = sorted({signing_algorithm(key) for key in keeper.listed()})
    return m.OpenIdConfiguration(
        issuer=keeper.own.url,
        token_endpoint=f"{public_url}{TOKEN}",
        jwks_uri=f"{public_url}{CERTS}",
        grant_types_supported=("client_credentials", "refresh_token"),
        token_endpoint_auth_methods_supported=("client_secret_basic", "client_secret_post"),
        scopes_supported=SCOPES,
        response_types_supported=(),
        subject_types_supported=("public",),
        id_token_signing_alg_values_supported=tuple(algorithms),
    )


def token_info(call: Call) -> m.TokenInfo:
    """What the token of this request is."""
    caller = call.caller
    if caller.tenant is None:
        raise ValueError("a client's token acts for an organization")
    expires = rfc3339(int(caller.claims["exp"]) * 1000)
    return m.TokenInfo(str(caller.name), caller.tenant, sorted(caller.scopes), expires)
