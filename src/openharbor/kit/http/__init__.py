"""HTTP on Starlette and msgspec: typed requests in, answers out; the contract is a file."""
