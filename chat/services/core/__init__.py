"""What services share; nobody outside chat.services imports it."""
