"""What the pages of all tables share: base classes, filters, keyset lists, panels."""
