"""Stories of the rows of locker-states.md 4: what was before, what happens, what is then told."""

from collections.abc import Callable, Iterator

from simulation.scene import Scene

Story = Callable[[Scene], Iterator[None]]
Case = tuple[str, str, str, tuple[str, ...], Story]
Stories = list[Case]
CREATED, USED = "LOCKER_OPERATION/LOCKER_TOKEN_CREATED", "LOCKER_OPERATION/LOCKER_TOKEN_USED"
CODE_USED = "LOCKER_OPERATION/KEYPAD_CODE_USED"
RELEASED, PICKED_UP = "LOCKER_RELEASED/LOCKER_RELEASED", "LOCKER_RELEASED/PICKED_UP"
CANCELLED, EXPIRED = "LOCKER_RELEASED/RESERVATION_CANCELLED", "LOCKER_RELEASED/RESERVATION_EXPIRED"
RAN_OUT = "LOCKER_RELEASED/TOKEN_EXPIRED"
CASES: Stories = []


def row(number: str, before: str, after: str, *webhooks: str) -> Callable[[Story], Story]:
    """A story: up to its `yield` it leads to `before`; the rest is the row."""

    def add(story: Story) -> Story:
        CASES.append((number, before, after, webhooks, story))
        return story

    return add
