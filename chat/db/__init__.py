"""What PostgreSQL has and Django lacks: ids, fields, constraints, statements."""
