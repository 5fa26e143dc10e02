"""The commands that `manage.py` has beside Django's: thin, over the rooms that know how."""
