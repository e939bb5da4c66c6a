"""The Bluetooth tower: tokens, lockers, events (architecture.md). The core is packets in, packets out; no I/O."""
