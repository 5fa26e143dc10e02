"""Going back: what would be lost, and whether that is wanted."""
