"""The commands about migrations."""
