"""An emulated cabinet: supplies, boards, locks and doors, spoken to in every protocol (lock-boards.md 6).

A second reading of the protocol tables, independent of the drivers: nothing here imports a codec.
"""
