"""What somebody changed by hand since the last migration."""
