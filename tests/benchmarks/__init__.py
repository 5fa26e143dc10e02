"""What things cost, against the same done without us; never run by pytest."""
