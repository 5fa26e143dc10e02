"""The commands that `manage.py` has beside Django's; other packages do the work."""
