"""The import of archives that DiscordChatExporter wrote as JSON.

One file is one channel and one transaction. Every id is computed from Discord's own, so what is
imported twice is stored once. chat/README.md says what becomes of what.
"""
