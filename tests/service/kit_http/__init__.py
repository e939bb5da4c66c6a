"""kit.http over real sockets, in a tiny room of its own."""
