"""Lock boards: codecs, the bus that owns a line, boards, and the emulated cabinet (lock-boards.md)."""
