"""The SDK API: what phones ask of the cloud while they talk to a tower (sdk.yaml)."""
