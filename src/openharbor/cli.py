"""`openharbor …`: the command line (see docs)."""
