"""One site: lockers, transactions, openings, its APIs (gateway-local.yaml)."""
