"""A second step, which a test leaves pending."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("house_extended", "0001_initial")]
