"""A migration that breaks a deferred constraint, which is noticed at COMMIT alone."""
