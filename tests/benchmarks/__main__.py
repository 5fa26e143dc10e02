"""`python -m tests.benchmarks`: what the hot paths cost beside the same in bare psycopg."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "melo.settings")
django.setup()

from tests.benchmarks.run import main  # noqa: E402 — models need Django to be set up

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
