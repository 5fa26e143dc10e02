"""The ledger: a table with one row for each event of a migration."""
