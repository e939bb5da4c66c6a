"""Many at once for few lockers: one holder each, the others get their 409 (locker-states.md, invariants 1 and 4)."""

import asyncio
from collections import Counter
from functools import partial

from harness.cloud_rig import FIRST_LOCKER, TOWER, Rig, add_locker, scope
from openharbor.cloud.lockers import open_tokens, reservations
from openharbor.cloud.lockers.open_tokens import Mint
from openharbor.cloud.lockers.reservations import Reserve
from openharbor.kit.errors import Refusal

LOCKERS, CLIENTS = 50, 200


async def test_two_hundred_for_fifty_lockers_leave_one_holder_each(cloud: Rig) -> None:
    for place in range(4, LOCKERS):
        await cloud.database.write(
            partial(add_locker, locker_id=FIRST_LOCKER + place, tower_id=TOWER, number=place + 1)
        )

    async def reserve(number: int) -> object:
        command = Reserve(
            tower_id=TOWER,
            locker_id=FIRST_LOCKER + number % LOCKERS,
            duration_s=300,
            reservation_id=10_000 + number,
            assignment_id=20_000 + number,
            locker_token="00" * 16,
        )
        unit = partial(reservations.reserve, scope(12 + number % 2), command=command, attempt=cloud.attempt())
        return await cloud.database.write(unit)

    outcomes = await asyncio.gather(*map(reserve, range(CLIENTS)))
    refused = [one for one in outcomes if isinstance(one, Refusal)]
    assert len(refused) == CLIENTS - LOCKERS
    assert {(one.status, one.message) for one in refused} == {(409, "Locker is not available")}
    holders = await cloud.rows("SELECT locker_id, COUNT(*) AS count FROM assignments GROUP BY locker_id")
    assert [row["count"] for row in holders] == [1] * LOCKERS
    assert Counter(outcome for _, _, outcome in await cloud.audited()) == {
        "A1": LOCKERS,
        "Locker is not available": CLIENTS - LOCKERS,
    }


async def test_of_many_tokens_asked_at_once_by_two_providers_all_go_to_one_of_them(cloud: Rig) -> None:
    async def mint(number: int) -> object:
        command = Mint(
            tower_id=TOWER,
            locker_id=FIRST_LOCKER,
            token_id=10_000 + number,
            assignment_id=20_000 + number,
            locker_token=f"{number:032x}",
            iv=number.to_bytes(16, "big"),
            duration_s=300,
            client_info="",
        )
        unit = partial(
            open_tokens.mint_dropoff,
            scope(12 + number % 2),
            command=command,
            attempt=cloud.attempt(),
            vault=cloud.vault,
        )
        return await cloud.database.write(unit)

    outcomes = await asyncio.gather(*map(mint, range(20)))
    assert sum(not isinstance(one, Refusal) for one in outcomes) == 10
    owners = await cloud.rows("SELECT organization_id, assignment_id FROM open_tokens")
    assert len({(row["organization_id"], row["assignment_id"]) for row in owners}) == 1
    assert len({token.generation for token in (await cloud.locker(FIRST_LOCKER)).tokens}) == 1
