"""Who may call: clients, access tokens, the keys that sign them (contract accounts.yaml)."""
