"""The steel of a tower: compartments with doors, locks that may jam, contacts that may fail, and what lies inside.

It knows nothing of tokens. People act on it with their hands, the tower with pulses, and it sees contacts alone.
"""

from dataclasses import dataclass, field

from simulation.invariants import demand


@dataclass(slots=True, eq=False)
class Parcel:
    """`owner`: the provider whose delivery it is. `place`: where it is, for people who read a failure."""

    parcel_id: int
    owner: int
    place: str = "with the provider"

    def __str__(self) -> str:
        return f"parcel {self.parcel_id} of {self.owner}, {self.place}"


@dataclass(slots=True)
class Compartment:
    """`sensor`: 0 normal, 1 inverted, 2 none. `jams`: how many of the next pulses do not open it.

    `attended`: somebody who opened it stands in front of it, and nobody else pushes it shut.
    """

    number: int
    sensor: int = 0
    open: bool = False
    jams: int = 0
    unreadable: bool = False
    attended: bool = False
    parcel: Parcel | None = None

    def contact(self) -> bool | None:
        """What its contact says: an inverted one the opposite."""
        return None if self.unreadable else self.open != (self.sensor == 1)


@dataclass(slots=True)
class Cabinet:
    name: str
    compartments: dict[int, Compartment] = field(default_factory=dict)

    def pulse(self, number: int) -> bool:
        """Current through a lock. Whether its door springs open."""
        one = self.compartments[number]
        if one.jams and not one.open:
            one.jams -= 1
            return False
        one.open = True
        return True

    def put_in(self, number: int, parcel: Parcel) -> None:
        """A person lays a parcel into the open compartment in front of them."""
        one = self.compartments[number]
        demand(one.open, 0, f"{parcel} was put through a closed door at {self.name}")
        demand(one.parcel is None, 2, f"two parcels in locker {number} of {self.name}: {one.parcel}; {parcel}")
        one.parcel = parcel
        parcel.place = f"in locker {number} of {self.name}"

    def take_out(self, number: int, whose: int, place: str) -> Parcel | None:
        """A person takes what lies in the open compartment in front of them, and it is theirs."""
        one = self.compartments[number]
        demand(one.open, 0, f"somebody reached through a closed door at {self.name}")
        parcel = one.parcel
        if parcel is not None:
            demand(parcel.owner == whose, 3, f"{whose} got {parcel}")
            one.parcel, parcel.place = None, place
        return parcel
