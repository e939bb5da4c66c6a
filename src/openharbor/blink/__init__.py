"""The protocol between phone and tower, without I/O (blink-protocol.md)."""
