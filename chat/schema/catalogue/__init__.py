"""The live catalogue as values: what is in a schema, and how two of them differ."""
