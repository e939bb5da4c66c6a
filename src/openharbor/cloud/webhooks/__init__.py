"""What service providers are told, and how it reaches them (contract webhooks.md)."""
