"""One codec a family: pure functions between bytes and values (lock-boards.md 3)."""
