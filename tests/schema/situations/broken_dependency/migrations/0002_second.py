"""The first was not deployed."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("broken_dependency", "0001_first")]
