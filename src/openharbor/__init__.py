"""openharbor: open, self-hostable smart lockers."""

__version__ = "0.1.0"
