"""Every limit of the application: how long, how many, how large.

The database holds those of what is stored, by CHECKs and triggers (migration 0007), so a service
need not count beforehand: who loses the race for the last one gets the same answer.
"""

from datetime import UTC, datetime, timedelta

# Characters, at most.
USERNAME_LENGTH = 32
DISPLAY_NAME_LENGTH = 32
NICKNAME_LENGTH = 32
BIO_LENGTH = 190
# Of a server, a channel, a role, a group.
NAME_LENGTH = 100
DESCRIPTION_LENGTH = 300
TOPIC_LENGTH = 1024
INVITE_CODE_LENGTH = 32
CONTENT_LENGTH = 4000
EMOJI_LENGTH = 64
FILENAME_LENGTH = 255
CONTENT_TYPE_LENGTH = 127
ALT_TEXT_LENGTH = 1024
STORAGE_KEY_LENGTH = 255
REASON_LENGTH = 512
SEARCH_LENGTH = 200

# Characters, at least.
USERNAME_MINIMUM = 2
SERVER_NAME_MINIMUM = 2

# In a server, categories among the channels. What is deleted does not count, nor do archived
# threads.
CHANNEL_LIMIT = 500
THREAD_LIMIT = 1000
# Everyone's among them.
ROLE_LIMIT = 250
# In a channel or a conversation.
PIN_LIMIT = 250
# Of a message: files, different emoji under it, users and roles mentioned in it.
ATTACHMENT_LIMIT = 10
EMOJI_LIMIT = 20
MENTION_LIMIT = 100
# People in a group, its owner among them.
GROUP_LIMIT = 10
INVITE_USES_LIMIT = 1_000_000
# Entries of a page.
PAGE_LIMIT = 100
# Files that one call of a sweeper looks at.
SWEEP_LIMIT = 10_000

ATTACHMENT_BYTES = 25 * 1024 * 1024
SHA256_BYTES = 32

TIMEOUT_LIMIT = timedelta(days=28)
SLOWMODE_SECONDS = 21_600

# Moments that every client can read: from this one, to before that one.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)

LARGEST_INTEGER = 2**31 - 1
LARGEST_BIGINT = 2**63 - 1
# The largest integer that a JavaScript number holds exactly; it has room for every permission.
LARGEST_MASK = 2**53 - 1
LARGEST_COLOR = 0xFFFFFF
