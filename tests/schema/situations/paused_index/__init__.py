"""An index that is built concurrently, on a table that others can hold up."""
