"""Pages of their own: start, schema, who may see what."""
