"""Archives that DiscordChatExporter wrote as JSON, brought in as servers, channels and messages.

One file is one channel and one transaction. Every id is computed from Discord's own, so whatever is
imported twice is there once. How things are mapped is said in the README.
"""
