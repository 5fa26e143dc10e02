"""How many there can be of what, and which rule of the database says so.

The database holds these numbers (migration 0007), so a service need not count beforehand: whoever
loses the race for the last place is told the same.
"""

from __future__ import annotations

# Per server, categories among them; what is deleted does not count, nor do archived threads.
CHANNEL_LIMIT = 500
THREAD_LIMIT = 1000
# In one channel, or in one conversation.
PIN_LIMIT = 250
# Different ones under one message.
EMOJI_LIMIT = 20
# People in a group, its owner among them.
GROUP_LIMIT = 10
