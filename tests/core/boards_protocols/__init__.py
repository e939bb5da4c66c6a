"""The lock boards without I/O: every vector, and properties of codecs, receiver and addresses."""
