"""Real parts for tests: a gateway process, an emulated cabinet process, a client."""
