"""Chat: users, servers, channels, roles, messages, and what holds them together."""
