"""The live catalogue as values: what is in the schema, and how two of them differ."""
