"""The state of each locker, and everything that may change it (contract locker-states.md)."""
