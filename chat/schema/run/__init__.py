"""Running a plan of migrations: each in one commit with its records."""
