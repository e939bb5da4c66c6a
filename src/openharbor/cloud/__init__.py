"""The delivery platform: accounts, catalog, lockers, towers, links and webhooks (contract service-provider.yaml)."""
