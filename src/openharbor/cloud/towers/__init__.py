"""What the cloud keeps for a tower: its keys, the commands that wait for it, how far its log is known."""
