"""What the list pages share."""
