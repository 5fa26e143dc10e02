from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("no_way_back", "0002_scatter")]
    operations = [
        migrations.RunSQL("ALTER TABLE sand ADD grain text", "ALTER TABLE sand DROP grain")
    ]
