"""The phone: what a mobile app does at a tower, and asks of the cloud (blink-protocol.md 14, sdk.yaml)."""
