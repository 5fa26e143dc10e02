"""Up, down and up again in a scratch database."""
