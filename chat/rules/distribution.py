"""Where each table belongs once there is more than one machine; `manage.py distribute` reads it.

Tables of other apps are local.
"""

from typing import Final

SPACE: Final = "space_id"

# Spread over the machines by the value of this column. What has the same space is on one machine.
SPREAD: Final = {
    **dict.fromkeys(
        (
            "servers",
            "server_members",
            "roles",
            "member_roles",
            "bans",
            "audit_log",
            "channels",
            "channel_counters",
            "channel_permissions",
            "participants",
            "invites",
            "messages",
            "message_revisions",
            "message_attachments",
            "mentions",
            "reactions",
            "read_states",
            "read_ranges",
            # Also of a user's avatar, by the id of the user.
            "discarded_files",
        ),
        SPACE,
    ),
    # What belongs to a user is asked for by these, each table by itself.
    "user_sessions": "token_hash",
    "user_preferences": "user_id",
}

# Copied whole to every machine: what every space refers to, and what is unique everywhere.
REFERENCE: Final = frozenset({"users", "invite_codes", "admin_access_log"})

# Stays on the machine where Django runs, without its foreign keys to the above.
LOCAL: Final = frozenset({"users_groups", "users_user_permissions"})

# Triggers that rest on several machines, and why.
LEFT_OUT: Final = {
    "users_updated_at": "each copy of users would set its own clock; Django sets the column",
    "users_avatar_replaced": "each copy of users would write a row of its own",
    "users_avatar_discarded": "each copy of users would write a row of its own",
    "channel_counters_no_gap": "a refusal at COMMIT is an internal error there",
}

# Functions over spread tables that take no space: they run where they are called, and ask every
# machine.
ASKING_EVERY_MACHINE: Final = frozenset({"purge_erased_user"})

# Keys that are compared at COMMIT: a refusal is an internal error there.
AT_COMMIT: Final = frozenset({"roles_position_uq", "channels_owner_participant_fk"})
