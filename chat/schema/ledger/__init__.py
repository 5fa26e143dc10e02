"""The ledger: a table with one row for each thing that happened to a migration."""
