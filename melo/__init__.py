"""The MELO project: settings, URLs, and the way to its database."""
