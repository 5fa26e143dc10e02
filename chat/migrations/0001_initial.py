"""Every table of the chat application, as Django writes it down."""

import chat.db.constraints
import chat.db.ids
import datetime
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

from chat.schema.files import RunSQLFile


class Migration(migrations.Migration):
    """Create every table with the keys and the rules that can be declared.

    Locks nothing that anybody uses: all tables are new. Takes well under a second. Undone by
    dropping the tables, with all that is in them.
    """

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        RunSQLFile(__file__),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now())),
                ('username', models.CharField(max_length=32, unique=True, validators=[django.core.validators.RegexValidator('^[a-z0-9_.]{2,32}$', 'Two to 32 lower-case letters, digits, underscores or dots.')])),
                ('display_name', models.CharField(blank=True, db_default='', default='', max_length=32)),
                ('email', models.EmailField(blank=True, default=None, max_length=254, null=True, unique=True)),
                ('kind', models.CharField(choices=[('human', 'Human'), ('bot', 'Bot'), ('system', 'System')], db_default='human', default='human', max_length=8)),
                ('bio', models.CharField(blank=True, db_default='', default='', max_length=190)),
                ('avatar_key', models.CharField(blank=True, db_comment='Where the picture is in the file store.', max_length=255, null=True)),
                ('is_active', models.BooleanField(db_default=True, default=True)),
                ('is_staff', models.BooleanField(db_default=False, default=False, verbose_name='may use the admin')),
                ('is_superuser', models.BooleanField(db_default=False, default=False, verbose_name='may do everything')),
                ('password', models.CharField(db_default='!', max_length=128)),
                ('erased_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'db_table': 'users',
                'db_table_comment': 'People, bots and the system. Erased in place, never deleted.',
                'indexes': [
                    models.Index(condition=models.Q(('is_staff', True)), fields=['id'], name='users_staff_ix'),
                    models.Index(condition=models.Q(('kind', 'human'), _negated=True), fields=['kind', 'id'], name='users_kind_ix'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('username__regex', '^[a-z0-9_.]{2,32}$')), name='users_username_ck'),
                    models.CheckConstraint(condition=models.Q(('display_name', ''), ('display_name__regex', '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*[^\\u0000-\\u0020\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\U00013430-\\U0001343f\\U00016fe4\\U0001bca0-\\U0001bca3\\U0001d159\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff][^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*$'), _connector='OR'), name='users_display_name_legible_ck', violation_error_message='A name is one line with at least one visible character.'),
                    models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email')), ('email__regex', '^[^@\\s]+@[^@\\s]+$')), name='users_email_ck'),
                    models.CheckConstraint(condition=models.Q(('kind__in', ['human', 'bot', 'system'])), name='users_kind_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at', 'last_login', 'erased_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at', 'last_login', 'erased_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='users_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    models.CheckConstraint(condition=models.Q(('erased_at__isnull', True), models.Q(('avatar_key__isnull', True), ('bio', ''), ('display_name', ''), ('email__isnull', True), ('is_active', False), ('is_staff', False), ('is_superuser', False), ('last_login__isnull', True), ('password__startswith', '!'), ('username', django.db.models.functions.text.Concat(models.Value('erased_'), django.db.models.functions.text.Left(django.db.models.functions.text.Replace(django.db.models.functions.comparison.Cast('id', models.TextField()), models.Value('-'), models.Value('')), 25)))), _connector='OR'), name='users_erased_ck', violation_error_message='An erased user keeps no personal data.'),
                    models.CheckConstraint(condition=models.Q(('erased_at__isnull', False), models.Q(('username__startswith', 'erased_'), _negated=True), _connector='OR'), name='users_erased_name_ck', violation_error_message="Names beginning with 'erased_' are kept for erased users."),
                ],
            },
        ),
        migrations.CreateModel(
            name='UserSession',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='sessions', to=settings.AUTH_USER_MODEL)),
                ('token_hash', models.BinaryField(max_length=32, unique=True)),
                ('ip', models.GenericIPAddressField(blank=True, null=True)),
                ('user_agent', models.CharField(blank=True, db_default='', default='', max_length=512)),
                ('last_seen_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'db_table': 'user_sessions',
                'db_table_comment': 'Log-ins. token_hash is the SHA-256 of the token, never the token.',
                'indexes': [
                    models.Index(models.F('user'), models.OrderBy(models.F('expires_at'), descending=True), name='user_sessions_user_ix'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length('token_hash'), 32), name='user_sessions_token_hash_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.Regex(models.Func(models.F('token_hash'), models.Value('hex'), function='encode', output_field=models.TextField()), '^([2-6][0-9a-f]|7[0-9a-e]){32}$'), _negated=True), name='user_sessions_token_clear_ck', violation_error_message='A session keeps the hash of its token, not the token.'),
                    models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('created_at'))), name='user_sessions_expires_at_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at', 'last_seen_at', 'expires_at', 'revoked_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at', 'last_seen_at', 'expires_at', 'revoked_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='user_sessions_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('user',), name='user_sessions_user_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='UserPreferences',
            fields=[
                ('user', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='preferences', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('theme', models.CharField(choices=[('system', 'System'), ('light', 'Light'), ('dark', 'Dark')], db_default='system', default='system', max_length=8)),
                ('locale', models.CharField(db_default='en', default='en', max_length=35)),
                ('data', models.JSONField(blank=True, db_default={}, default=dict)),
            ],
            options={
                'verbose_name_plural': 'user preferences',
                'db_table': 'user_preferences',
                'db_table_comment': "A user's settings; data is an object that only clients read.",
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('theme__in', ['system', 'light', 'dark'])), name='user_preferences_theme_ck'),
                    models.CheckConstraint(condition=models.Q(('locale__regex', '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$')), name='user_preferences_locale_ck'),
                    models.CheckConstraint(condition=django.db.models.lookups.Exact(models.Func('data', function='jsonb_typeof', output_field=models.TextField()), 'object'), name='user_preferences_data_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='user_preferences_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('user',), name='user_preferences_user_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='Server',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('space_id', models.UUIDField(db_comment="The tenant: the server's own id.", editable=False)),
                ('name', models.CharField(max_length=100)),
                ('description', models.CharField(blank=True, db_default='', default='', max_length=300)),
                ('icon_key', models.CharField(blank=True, db_comment='Where the picture is in the file store.', max_length=255, null=True)),
                ('owner', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='owned_servers', to=settings.AUTH_USER_MODEL)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('retention_days', models.IntegerField(blank=True, db_comment='After how many days its messages are purged. NULL: never.', null=True)),
                ('legal_hold_at', models.DateTimeField(blank=True, db_comment='Since when nothing of it may be purged (trigger). NULL: no hold.', null=True)),
            ],
            options={
                'db_table': 'servers',
                'db_table_comment': 'Communities. The owner is a member (trigger and key).',
                'indexes': [
                    models.Index(fields=['owner'], name='servers_owner_ix'),
                    models.Index(fields=['name'], name='servers_name_ix', opclasses=['varchar_pattern_ops']),
                ],
                'constraints': [
                    models.CheckConstraint(condition=django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length('name'), 2), name='servers_name_ck'),
                    models.CheckConstraint(condition=models.Q(('name__regex', '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*[^\\u0000-\\u0020\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\U00013430-\\U0001343f\\U00016fe4\\U0001bca0-\\U0001bca3\\U0001d159\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff][^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*$')), name='servers_name_legible_ck', violation_error_message='A name is one line with at least one visible character.'),
                    models.CheckConstraint(condition=models.Q(('retention_days__gte', 1)), name='servers_retention_days_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at', 'deleted_at', 'legal_hold_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at', 'deleted_at', 'legal_hold_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='servers_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    models.UniqueConstraint(fields=('space_id',), name='servers_space_uq'),
                    models.UniqueConstraint(fields=('space_id', 'id'), name='servers_uq'),
                    models.CheckConstraint(condition=models.Q(('space_id', models.F('id'))), name='servers_space_ck'),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'owner'), name='servers_owner_fk', to='chat.ServerMember', to_fields=('server', 'user'), violation_error_message='The owner must be a member of the server.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ServerMember',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('server', models.ForeignKey(db_column='space_id', db_comment='The tenant: the server.', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='members', to='chat.server')),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('nickname', models.CharField(blank=True, max_length=32, null=True)),
                ('joined_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('timed_out_until', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'db_table': 'server_members',
                'db_table_comment': 'Who is in which server. Somebody banned cannot be (trigger).',
                'indexes': [
                    models.Index(fields=['user', 'server'], name='server_members_user_ix'),
                    models.Index(fields=['server', 'joined_at', 'user'], name='server_members_joined_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('server', 'user'), name='server_members_uq'),
                    models.CheckConstraint(condition=django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length('nickname'), 1), name='server_members_nickname_ck'),
                    models.CheckConstraint(condition=models.Q(('nickname__regex', '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*[^\\u0000-\\u0020\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\U00013430-\\U0001343f\\U00016fe4\\U0001bca0-\\U0001bca3\\U0001d159\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff][^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*$')), name='server_members_nickname_legible_ck', violation_error_message='A name is one line with at least one visible character.'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at', 'joined_at', 'timed_out_until'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at', 'joined_at', 'timed_out_until'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='server_members_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('server',), name='server_members_server_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Server', to_fields=('space_id',)),
                    chat.db.constraints.CompositeForeignKey(fields=('user',), name='server_members_user_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='Role',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('server', models.ForeignKey(db_column='space_id', db_comment='The tenant: the server.', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='roles', to='chat.server')),
                ('name', models.CharField(max_length=100)),
                ('position', models.SmallIntegerField(db_comment="0 is everyone's role; who stands higher has more say.")),
                ('permissions', models.BigIntegerField(db_comment='Bits of chat.rules.permissions.Permission.', db_default=0, default=0)),
                ('color', models.IntegerField(db_default=0, default=0)),
                ('hoist', models.BooleanField(db_comment='Shown apart in the member list.', db_default=False, default=False)),
                ('mentionable', models.BooleanField(db_default=False, default=False)),
            ],
            options={
                'db_table': 'roles',
                'db_table_comment': "Named sets of permissions; position 0 is everyone's, higher outranks.",
                'constraints': [
                    models.UniqueConstraint(fields=('server', 'id'), name='roles_uq'),
                    models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['DEFERRED'], fields=('server', 'position'), name='roles_position_uq'),
                    models.CheckConstraint(condition=models.Q(('position__gte', 0), ('position__lte', 249)), name='roles_position_ck'),
                    models.CheckConstraint(condition=django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length('name'), 1), name='roles_name_ck'),
                    models.CheckConstraint(condition=models.Q(('name__regex', '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*[^\\u0000-\\u0020\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\U00013430-\\U0001343f\\U00016fe4\\U0001bca0-\\U0001bca3\\U0001d159\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff][^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*$')), name='roles_name_legible_ck', violation_error_message='A name is one line with at least one visible character.'),
                    models.CheckConstraint(condition=models.Q(('permissions__gte', 0), ('permissions__lte', 9007199254740991)), name='roles_permissions_ck'),
                    models.CheckConstraint(condition=models.Q(('color__gte', 0), ('color__lte', 16777215)), name='roles_color_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='roles_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('server',), name='roles_server_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Server', to_fields=('space_id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='MemberRole',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('server', models.ForeignKey(db_column='space_id', db_comment='The tenant: the server.', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.server')),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('role', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='member_roles', to='chat.role')),
            ],
            options={
                'db_table': 'member_roles',
                'db_table_comment': 'Roles given to members; a role of another server cannot be.',
                'indexes': [
                    models.Index(fields=['server', 'role'], name='member_roles_role_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('server', 'user', 'role'), name='member_roles_uq'),
                    models.CheckConstraint(condition=models.Q(('created_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('created_at__lt', datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='member_roles_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('server', 'user'), name='member_roles_member_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.ServerMember', to_fields=('server', 'user')),
                    chat.db.constraints.CompositeForeignKey(fields=('server', 'role'), name='member_roles_role_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Role', to_fields=('server', 'id')),
                ],
            },
        ),
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('space_id', models.UUIDField(db_comment="The tenant: the server's id, or the conversation's own.", editable=False)),
                ('server', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='channels', to='chat.server')),
                ('parent', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='children', to='chat.channel')),
                ('kind', models.CharField(choices=[('text', 'Text'), ('voice', 'Voice'), ('category', 'Category'), ('announcement', 'Announcement'), ('thread', 'Thread'), ('pair', 'Pair'), ('group', 'Group')], db_default='text', default='text', max_length=16)),
                ('level', models.GeneratedField(db_comment='0 a category, 1 a channel or a conversation, 2 a thread.', db_persist=True, expression=models.Case(models.When(kind='category', then=models.Value(0)), models.When(kind='thread', then=models.Value(2)), default=models.Value(1)), output_field=models.SmallIntegerField())),
                ('parent_level', models.GeneratedField(db_comment='The level that the parent must have.', db_persist=True, expression=models.Case(models.When(parent__isnull=True, then=models.Value(None, output_field=models.SmallIntegerField())), models.When(kind='thread', then=models.Value(1)), default=models.Value(0)), output_field=models.SmallIntegerField(null=True))),
                ('name', models.CharField(blank=True, default='', max_length=100)),
                ('topic', models.CharField(blank=True, db_default='', default='', max_length=1024)),
                ('position', models.IntegerField(db_default=0, default=0)),
                ('slowmode_seconds', models.IntegerField(db_default=0, default=0)),
                ('nsfw', models.BooleanField(db_default=False, default=False)),
                ('pair_low', models.ForeignKey(blank=True, db_comment='Of a pair, the user with the lower id.', db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('pair_high', models.ForeignKey(blank=True, db_comment='Of a pair, the user with the higher id.', db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('owner', models.ForeignKey(blank=True, db_comment='Of a group; NULL when nobody is left in it.', db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('archived_at', models.DateTimeField(blank=True, db_comment='Since when it takes no messages, while it can be read.', null=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'db_table': 'channels',
                'db_table_comment': 'Channels, categories, threads, and conversations of two or of a group.',
                'indexes': [
                    models.Index(condition=models.Q(('deleted_at__isnull', True)), fields=['space_id', 'parent', 'position'], name='channels_tree_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('space_id', 'id'), name='channels_uq'),
                    models.UniqueConstraint(fields=('space_id', 'id', 'level'), name='channels_level_uq'),
                    models.CheckConstraint(condition=models.Q(('kind__in', ['text', 'voice', 'category', 'announcement', 'thread', 'pair', 'group'])), name='channels_kind_ck'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['pair', 'group']), ('parent__isnull', True), ('server__isnull', True), ('space_id', models.F('id'))), models.Q(models.Q(('kind__in', ['pair', 'group']), _negated=True), ('server__isnull', False), ('space_id', models.F('server')), models.Q(('space_id', models.F('id')), _negated=True)), _connector='OR'), name='channels_space_ck', violation_error_message='A conversation has no server, any other channel has one.'),
                    models.CheckConstraint(condition=models.Q(models.Q(models.Q(('kind', 'pair'), _negated=True), ('pair_high__isnull', True), ('pair_low__isnull', True), models.Q(django.db.models.lookups.Exact(django.db.models.functions.text.Substr(django.db.models.functions.comparison.Cast('id', models.TextField()), 15, 1), '8'), _negated=True)), models.Q(('id', models.Func('pair_low', 'pair_high', function='public.direct_pair_id', output_field=models.UUIDField())), ('kind', 'pair'), ('name', ''), ('pair_high__isnull', False), ('pair_low__isnull', False), ('pair_low__lte', models.F('pair_high'))), _connector='OR'), name='channels_pair_ck', violation_error_message='A pair has two users, the lower id first, no name, and the id direct_pair_id(pair_low, pair_high); no other channel has such an id.'),
                    models.CheckConstraint(condition=models.Q(('owner__isnull', True), ('kind', 'group'), _connector='OR'), name='channels_owner_ck', violation_error_message='Of the conversations and channels, a group has an owner.'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind', 'category'), ('parent__isnull', True)), models.Q(('kind', 'thread'), ('parent__isnull', False)), models.Q(('kind__in', ['category', 'thread']), _negated=True), _connector='OR'), name='channels_parent_ck', violation_error_message='A category has no parent, a thread has one.'),
                    models.CheckConstraint(condition=models.Q(('kind__in', ['pair', 'group']), models.Q(('name', ''), _negated=True), _connector='OR'), name='channels_name_ck', violation_error_message='A channel of a server has a name.'),
                    models.CheckConstraint(condition=models.Q(('name', ''), ('name__regex', '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*[^\\u0000-\\u0020\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\U00013430-\\U0001343f\\U00016fe4\\U0001bca0-\\U0001bca3\\U0001d159\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff][^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*$'), _connector='OR'), name='channels_name_legible_ck', violation_error_message='A name is one line with at least one visible character.'),
                    models.CheckConstraint(condition=models.Q(('position__gte', 0)), name='channels_position_ck'),
                    models.CheckConstraint(condition=models.Q(('slowmode_seconds__gte', 0), ('slowmode_seconds__lte', 21600)), name='channels_slowmode_seconds_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at', 'archived_at', 'deleted_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at', 'archived_at', 'deleted_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='channels_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'server'), name='channels_server_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Server', to_fields=('space_id', 'id')),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'parent', 'parent_level'), name='channels_parent_fk', to='self', to_fields=('space_id', 'id', 'level')),
                    chat.db.constraints.CompositeForeignKey(fields=('pair_low',), name='channels_pair_low_fk', to='chat.User', to_fields=('id',)),
                    chat.db.constraints.CompositeForeignKey(fields=('pair_high',), name='channels_pair_high_fk', to='chat.User', to_fields=('id',)),
                    chat.db.constraints.CompositeForeignKey(fields=('owner',), name='channels_owner_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='DirectConversation',
            fields=[
            ],
            options={
                'proxy': True,
            },
            bases=('chat.channel',),
        ),
        migrations.CreateModel(
            name='ChannelCounter',
            fields=[
                ('pk', models.CompositePrimaryKey('space_id', 'channel', blank=True, editable=False, primary_key=True, serialize=False)),
                ('space_id', models.UUIDField(db_comment="The tenant: the server's id, or the conversation's own.")),
                ('channel', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.channel')),
                ('first_seq', models.BigIntegerField(db_comment='The lowest number that can be there: below it all was purged.', db_default=1)),
                ('last_seq', models.BigIntegerField(db_comment='The number of the newest message; 0 before the first.', db_default=0)),
                ('last_change', models.BigIntegerField(db_comment='Goes up with whatever opens or closes the channel.', db_default=0)),
                ('ranges_upto', models.BigIntegerField(blank=True, db_comment='Up to this number there may be read_ranges; NULL without any.', null=True)),
                ('last_message_at', models.DateTimeField(blank=True, null=True)),
                ('closed', models.BooleanField(db_comment='Takes no messages: a category, archived, deleted, or in what is deleted.', db_default=False)),
            ],
            options={
                'db_table': 'channel_counters',
                'db_table_comment': 'The newest number of each channel; written by triggers alone.',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('first_seq__gte', 1), ('first_seq__lte', django.db.models.expressions.CombinedExpression(models.F('last_seq'), '+', models.Value(1)))), name='channel_counters_seq_ck'),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'channel'), name='channel_counters_channel_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Channel', to_fields=('space_id', 'id')),
                ],
            },
        ),
        migrations.CreateModel(
            name='Participant',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('channel', models.ForeignKey(db_column='space_id', db_comment='The tenant: the conversation.', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='participants', to='chat.channel')),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='conversations', to=settings.AUTH_USER_MODEL)),
                ('joined_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('left_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'db_table': 'participants',
                'db_table_comment': 'Who takes part in a conversation; who has left keeps the row.',
                'indexes': [
                    models.Index(fields=['user', 'channel'], name='participants_user_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('channel', 'user'), name='participants_uq'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at', 'joined_at', 'left_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at', 'joined_at', 'left_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='participants_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('channel', 'channel'), name='participants_channel_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Channel', to_fields=('space_id', 'id')),
                    chat.db.constraints.CompositeForeignKey(fields=('user',), name='participants_user_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='ChannelPermission',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('server', models.ForeignKey(db_column='space_id', db_comment='The tenant: the server.', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.server')),
                ('channel', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='overwrites', to='chat.channel')),
                ('role', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='overwrites', to='chat.role')),
                ('user', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('allow', models.BigIntegerField(db_comment='Bits of chat.rules.permissions.Permission.', db_default=0, default=0)),
                ('deny', models.BigIntegerField(db_comment='Bits of chat.rules.permissions.Permission.', db_default=0, default=0)),
            ],
            options={
                'db_table': 'channel_permissions',
                'db_table_comment': 'Overwrites of a channel, each for one role or for one user.',
                'indexes': [
                    models.Index(condition=models.Q(('role__isnull', False)), fields=['server', 'role'], name='channel_permissions_role_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('server', 'channel', 'role', 'user'), name='channel_permissions_uq', nulls_distinct=False),
                    models.CheckConstraint(condition=models.Q(models.Q(('role__isnull', True), ('user__isnull', False)), models.Q(('role__isnull', False), ('user__isnull', True)), _connector='OR'), name='channel_permissions_target_ck', violation_error_message='An overwrite is for one role or for one user.'),
                    models.CheckConstraint(condition=models.Q(('allow__gte', 0), ('allow__lte', 9007199254740991), ('deny__gte', 0), ('deny__lte', 9007199254740991)), name='channel_permissions_mask_ck'),
                    models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.expressions.CombinedExpression(models.F('allow'), '&', models.F('deny')), 0), name='channel_permissions_disjoint_ck', violation_error_message='A permission cannot be allowed and denied at once.'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='channel_permissions_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('server', 'channel'), name='channel_permissions_channel_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Channel', to_fields=('space_id', 'id')),
                    chat.db.constraints.CompositeForeignKey(fields=('server', 'role'), name='channel_permissions_role_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Role', to_fields=('server', 'id')),
                    chat.db.constraints.CompositeForeignKey(fields=('user',), name='channel_permissions_user_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='ChannelAccess',
            fields=[
                ('pk', models.CompositePrimaryKey('user', 'channel', blank=True, editable=False, primary_key=True, serialize=False)),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('space_id', models.UUIDField()),
                ('channel', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.channel')),
                ('permissions', models.BigIntegerField()),
                ('last_seq', models.BigIntegerField()),
                ('last_message_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name_plural': 'channel access',
                'db_table': 'channel_access',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='InviteCode',
            fields=[
                ('code', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('space_id', models.UUIDField(db_comment='The server that it leads to.')),
            ],
            options={
                'db_table': 'invite_codes',
                'db_table_comment': "The server that each invite's code leads to; a code is given once.",
                'constraints': [
                    models.UniqueConstraint(fields=('space_id', 'code'), name='invite_codes_uq'),
                    models.CheckConstraint(condition=models.Q(('code__regex', '^[A-Za-z0-9-]{2,32}$')), name='invite_codes_code_ck'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Invite',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('server', models.ForeignKey(db_column='space_id', db_comment='The tenant: the server.', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='invites', to='chat.server')),
                ('channel', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='invites', to='chat.channel')),
                ('code', models.CharField(max_length=32)),
                ('creator', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='invites', to=settings.AUTH_USER_MODEL)),
                ('max_uses', models.IntegerField(blank=True, db_comment='NULL: as often as one likes.', null=True)),
                ('uses', models.IntegerField(db_default=0, default=0)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'db_table': 'invites',
                'db_table_comment': 'Codes to join by. uses never exceeds max_uses: a race fails here.',
                'indexes': [
                    models.Index(models.F('server'), models.OrderBy(models.F('created_at'), descending=True), name='invites_server_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('server', 'code'), name='invites_code_uq'),
                    models.CheckConstraint(condition=models.Q(('uses__gte', 0), models.Q(('max_uses__isnull', True), models.Q(('max_uses__gte', 1), ('uses__lte', models.F('max_uses'))), _connector='OR')), name='invites_uses_ck', violation_error_message='This invite has been used as often as it may be.'),
                    models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('created_at'))), name='invites_expires_at_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at', 'expires_at', 'revoked_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at', 'expires_at', 'revoked_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='invites_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('server',), name='invites_server_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Server', to_fields=('space_id',)),
                    chat.db.constraints.CompositeForeignKey(fields=('server', 'code'), name='invites_code_fk', to='chat.InviteCode', to_fields=('space_id', 'code')),
                    chat.db.constraints.CompositeForeignKey(fields=('server', 'channel'), name='invites_channel_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Channel', to_fields=('space_id', 'id')),
                    chat.db.constraints.CompositeForeignKey(fields=('creator',), name='invites_creator_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('space_id', models.UUIDField(db_comment="The tenant: the server's id, or the conversation's own.")),
                ('channel', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='messages', to='chat.channel')),
                ('seq', models.BigIntegerField(db_comment='Its number in the channel, without gaps.', db_default=0, editable=False)),
                ('author', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('kind', models.CharField(choices=[('text', 'Text'), ('join', 'Join'), ('pin', 'Pin'), ('rename', 'Rename'), ('thread', 'Thread'), ('notice', 'Notice')], db_default='text', default='text', max_length=8)),
                ('content', models.CharField(blank=True, db_default='', default='', max_length=4000)),
                ('reply_to_seq', models.BigIntegerField(blank=True, db_comment='The seq of the message answered, in the same channel.', null=True)),
                ('version', models.IntegerField(db_comment='One more with each edit; see message_revisions.', db_default=1, editable=False)),
                ('edited_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('pinned_at', models.DateTimeField(blank=True, null=True)),
                ('pinned_by', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('deleted_by', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'messages',
                'db_table_comment': 'Messages in channels and conversations, numbered without gaps by seq.',
                'permissions': [('read_deleted_messages', 'Can read what deleted messages said')],
                'indexes': [
                    models.Index(fields=['author'], name='messages_author_ix'),
                    models.Index(condition=models.Q(('reply_to_seq__isnull', False)), fields=['space_id', 'channel', 'reply_to_seq'], name='messages_reply_ix'),
                    models.Index(condition=models.Q(('deleted_at__isnull', False)), fields=['space_id', 'channel', 'seq'], name='messages_deleted_ix'),
                    models.Index(models.F('space_id'), models.F('channel'), models.OrderBy(models.F('pinned_at'), descending=True), condition=models.Q(('deleted_at__isnull', True), ('pinned_at__isnull', False)), name='messages_pinned_ix'),
                    models.Index(fields=['space_id', 'created_at', 'id'], name='messages_created_ix'),
                    models.Index(condition=models.Q(('space_id', models.F('channel'))), fields=['id'], name='messages_direct_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('space_id', 'channel', 'seq'), name='messages_seq_uq'),
                    models.UniqueConstraint(fields=('space_id', 'id'), name='messages_uq'),
                    models.CheckConstraint(condition=models.Q(('kind__in', ['text', 'join', 'pin', 'rename', 'thread', 'notice'])), name='messages_kind_ck'),
                    models.CheckConstraint(condition=models.Q(models.Q(('author__isnull', False), ('kind', 'text')), models.Q(models.Q(('kind', 'text'), _negated=True), ('content', '')), _connector='OR'), name='messages_author_ck', violation_error_message='A text has an author, a message of the system has no words.'),
                    models.CheckConstraint(condition=models.Q(('seq__gte', 1)), name='messages_seq_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at', 'edited_at', 'pinned_at', 'deleted_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at', 'edited_at', 'pinned_at', 'deleted_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='messages_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    models.CheckConstraint(condition=models.Q(('reply_to_seq__gte', 1), ('reply_to_seq__lt', models.F('seq'))), name='messages_reply_ck', violation_error_message='A reply comes after what it answers.'),
                    models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='messages_version_ck'),
                    models.CheckConstraint(condition=models.Q(('pinned_at__isnull', False), ('pinned_by__isnull', True), _connector='OR'), name='messages_pinned_ck'),
                    models.CheckConstraint(condition=models.Q(('deleted_at__isnull', False), ('deleted_by__isnull', True), _connector='OR'), name='messages_deleted_ck'),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'channel'), name='messages_channel_fk', to='chat.ChannelCounter', to_fields=('space_id', 'channel')),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'channel', 'reply_to_seq'), name='messages_reply_fk', to='self', to_fields=('space_id', 'channel', 'seq')),
                    chat.db.constraints.CompositeForeignKey(fields=('author',), name='messages_author_fk', to='chat.User', to_fields=('id',)),
                    chat.db.constraints.CompositeForeignKey(fields=('pinned_by',), name='messages_pinned_by_fk', to='chat.User', to_fields=('id',)),
                    chat.db.constraints.CompositeForeignKey(fields=('deleted_by',), name='messages_deleted_by_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='DirectMessage',
            fields=[
            ],
            options={
                'permissions': [('read_direct_messages', 'Can read direct messages; each look is logged')],
                'proxy': True,
            },
            bases=('chat.message',),
        ),
        migrations.CreateModel(
            name='MessageRevision',
            fields=[
                ('space_id', models.UUIDField(db_comment='The tenant: that of the message.')),
                ('message', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='%(class)ss', to='chat.message')),
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.IntegerField(db_comment='The version that had this content.')),
                ('content', models.CharField(max_length=4000)),
                ('editor', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('replaced_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'message_revisions',
                'db_table_comment': 'Earlier versions of edited messages, written by a trigger.',
                'constraints': [
                    models.UniqueConstraint(fields=('space_id', 'message', 'version'), name='message_revisions_uq'),
                    models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='message_revisions_version_ck'),
                    models.CheckConstraint(condition=models.Q(('replaced_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('replaced_at__lt', datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='message_revisions_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'message'), name='message_revisions_message_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Message', to_fields=('space_id', 'id')),
                    chat.db.constraints.CompositeForeignKey(fields=('editor',), name='message_revisions_editor_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='Mention',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('space_id', models.UUIDField(db_comment='The tenant: that of the message.')),
                ('channel', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.channel')),
                ('seq', models.BigIntegerField(db_comment='The number of the message in the channel.')),
                ('user', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='mentions', to=settings.AUTH_USER_MODEL)),
                ('role', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.role')),
            ],
            options={
                'db_table': 'mentions',
                'db_table_comment': 'Who is named in a message: a user, a role, or (neither) everyone.',
                'indexes': [
                    models.Index(condition=models.Q(('user__isnull', False)), fields=['user', 'space_id', 'channel', 'seq'], name='mentions_user_ix'),
                    models.Index(condition=models.Q(('user__isnull', True)), fields=['space_id', 'channel', 'seq', 'role'], name='mentions_shared_ix'),
                    models.Index(models.F('user'), models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('user__isnull', False)), name='mentions_inbox_ix'),
                    models.Index(condition=models.Q(('role__isnull', False)), fields=['space_id', 'role'], name='mentions_role_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('space_id', 'channel', 'seq', 'user', 'role'), name='mentions_uq', nulls_distinct=False),
                    models.CheckConstraint(condition=models.Q(('user__isnull', True), ('role__isnull', True), _connector='OR'), name='mentions_target_ck'),
                    models.CheckConstraint(condition=models.Q(('created_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('created_at__lt', datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='mentions_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'channel', 'seq'), name='mentions_message_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Message', to_fields=('space_id', 'channel', 'seq')),
                    chat.db.constraints.CompositeForeignKey(fields=('user',), name='mentions_user_fk', to='chat.User', to_fields=('id',)),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'role'), name='mentions_role_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Role', to_fields=('server', 'id')),
                ],
            },
        ),
        migrations.CreateModel(
            name='Reaction',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('space_id', models.UUIDField(db_comment='The tenant: that of the message.')),
                ('message', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='%(class)ss', to='chat.message')),
                ('emoji', models.CharField(max_length=64)),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'reactions',
                'db_table_comment': 'Emoji under messages; each user puts each emoji once.',
                'indexes': [
                    models.Index(fields=['user', 'space_id'], name='reactions_user_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('space_id', 'message', 'emoji', 'user'), name='reactions_uq'),
                    models.CheckConstraint(condition=models.Q(('created_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('created_at__lt', datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='reactions_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'message'), name='reactions_message_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Message', to_fields=('space_id', 'id')),
                    chat.db.constraints.CompositeForeignKey(fields=('user',), name='reactions_user_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='MessageAttachment',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('space_id', models.UUIDField(db_comment='The tenant: that of the message.')),
                ('message', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='messageattachments', to='chat.message')),
                ('uploader', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('position', models.SmallIntegerField(db_comment='One of ten places in the message, 0 to 9.', db_default=0, default=0)),
                ('filename', models.CharField(max_length=255)),
                ('content_type', models.CharField(max_length=127)),
                ('size_bytes', models.IntegerField()),
                ('sha256', models.BinaryField(max_length=32)),
                ('storage_key', models.CharField(db_comment='Where the file is, never a URL: those are signed when they are asked for.', max_length=255)),
                ('width', models.IntegerField(blank=True, null=True)),
                ('height', models.IntegerField(blank=True, null=True)),
                ('duration_ms', models.IntegerField(blank=True, null=True)),
                ('alt_text', models.CharField(blank=True, db_default='', default='', max_length=1024)),
            ],
            options={
                'db_table': 'message_attachments',
                'db_table_comment': 'Files of messages; a row without a message is still uploading.',
                'indexes': [
                    models.Index(models.F('created_at'), condition=models.Q(('message__isnull', True)), name='message_attachments_unsent_ix'),
                    models.Index(fields=['uploader'], name='message_attachments_user_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('space_id', 'storage_key'), name='message_attachments_storage_key_uq'),
                    models.UniqueConstraint(fields=('space_id', 'message', 'position'), name='message_attachments_message_uq'),
                    models.CheckConstraint(condition=models.Q(('position__gte', 0), ('position__lte', 9)), name='message_attachments_position_ck', violation_error_message='A message has at most ten attachments.'),
                    models.CheckConstraint(condition=django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length('filename'), 1), name='message_attachments_filename_ck'),
                    models.CheckConstraint(condition=models.Q(('filename__regex', '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*[^\\u0000-\\u0020\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\U00013430-\\U0001343f\\U00016fe4\\U0001bca0-\\U0001bca3\\U0001d159\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff][^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e]*$')), name='message_attachments_filename_legible_ck', violation_error_message='A name is one line with at least one visible character.'),
                    models.CheckConstraint(condition=models.Q(('size_bytes__gte', 1), ('size_bytes__lte', 26214400)), name='message_attachments_size_bytes_ck', violation_error_message='An attachment has between 1 byte and 25 MiB.'),
                    models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length('sha256'), 32), name='message_attachments_sha256_ck'),
                    models.CheckConstraint(condition=models.Q(models.Q(('width__isnull', True), ('width__gte', 1), _connector='OR'), models.Q(('height__isnull', True), ('height__gte', 1), _connector='OR'), models.Q(('duration_ms__isnull', True), ('duration_ms__gte', 0), _connector='OR')), name='message_attachments_media_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='message_attachments_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'message'), name='message_attachments_message_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Message', to_fields=('space_id', 'id')),
                    chat.db.constraints.CompositeForeignKey(fields=('uploader',), name='message_attachments_uploader_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='ReadState',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('space_id', models.UUIDField(db_comment="The tenant: the server's id, or the conversation's own.")),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='read_states', to=settings.AUTH_USER_MODEL)),
                ('channel', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='read_states', to='chat.channel')),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('last_read_seq', models.BigIntegerField(db_comment='Up to this number all is read.', db_default=0, default=0)),
                ('ranges_upto', models.BigIntegerField(blank=True, db_comment='Imports and openings up to this number are unread like any other message.', editable=False, null=True)),
                ('last_sent_at', models.DateTimeField(blank=True, db_comment='When they last wrote here, asked by slow mode.', editable=False, null=True)),
                ('notify', models.CharField(blank=True, choices=[('all', 'All'), ('mentions', 'Mentions'), ('nothing', 'Nothing')], db_comment="NULL: as the client's default has it.", max_length=8, null=True)),
                ('muted_until', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'db_table': 'read_states',
                'db_table_comment': 'How far somebody has read in a channel or a conversation.',
                'indexes': [
                    models.Index(fields=['space_id', 'channel', 'user'], name='read_states_reader_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('space_id', 'user', 'channel'), name='read_states_uq'),
                    models.CheckConstraint(condition=models.Q(('last_read_seq__gte', 0)), name='read_states_last_read_seq_ck'),
                    models.CheckConstraint(condition=models.Q(('notify__in', ['all', 'mentions', 'nothing'])), name='read_states_notify_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at', 'last_sent_at', 'muted_until'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at', 'last_sent_at', 'muted_until'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='read_states_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'channel'), name='read_states_channel_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.ChannelCounter', to_fields=('space_id', 'channel')),
                ],
            },
        ),
        migrations.CreateModel(
            name='ReadRange',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('space_id', models.UUIDField(db_comment="The tenant: the server's id, or the conversation's own.")),
                ('channel', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.channel')),
                ('first_seq', models.BigIntegerField(db_comment='The number of the first message in it.')),
                ('last_seq', models.BigIntegerField(db_comment='The number of the last message in it.')),
                ('reason', models.CharField(choices=[('purge', 'Purge'), ('import', 'Import'), ('opening', 'Opening')], max_length=8)),
                ('role_ids', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(null=True), blank=True, db_comment="Of an opening, the roles that mattered before, everyone's first.", null=True, size=None)),
                ('permissions', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, db_comment='What each of these roles permitted before.', null=True, size=None)),
                ('allow', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, db_comment='What the channel allowed each of them before.', null=True, size=None)),
                ('deny', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, db_comment='What the channel denied each of them before.', null=True, size=None)),
            ],
            options={
                'db_table': 'read_ranges',
                'db_table_comment': 'Messages that are unread to nobody, or not to who could not read them.',
                'indexes': [
                    models.Index(fields=['space_id', 'channel', 'last_seq'], name='read_ranges_channel_ix'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('reason__in', ['purge', 'import', 'opening'])), name='read_ranges_reason_ck'),
                    models.CheckConstraint(condition=models.Q(('first_seq__gte', 1), ('first_seq__lte', models.F('last_seq'))), name='read_ranges_seq_ck'),
                    models.CheckConstraint(condition=models.Q(models.Q(('allow__isnull', False), ('deny__isnull', False), ('permissions__isnull', False), ('reason', 'opening'), ('role_ids__isnull', False)), models.Q(models.Q(('reason', 'opening'), _negated=True), ('role_ids__isnull', True)), _connector='OR'), name='read_ranges_opening_ck'),
                    models.CheckConstraint(condition=models.Q(('created_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('created_at__lt', datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='read_ranges_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('space_id', 'channel'), name='read_ranges_channel_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.ChannelCounter', to_fields=('space_id', 'channel')),
                ],
            },
        ),
        migrations.CreateModel(
            name='Ban',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('server', models.ForeignKey(db_column='space_id', db_comment='The tenant: the server.', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='bans', to='chat.server')),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='bans', to=settings.AUTH_USER_MODEL)),
                ('actor', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('reason', models.CharField(blank=True, db_default='', default='', max_length=512)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'db_table': 'bans',
                'db_table_comment': 'Who may not be a member of a server (trigger on both tables).',
                'indexes': [
                    models.Index(fields=['user'], name='bans_user_ix'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('server', 'user'), name='bans_uq'),
                    models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('created_at'))), name='bans_expires_at_ck'),
                    models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Least('created_at', 'updated_at', 'expires_at'), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), django.db.models.lookups.LessThan(django.db.models.functions.comparison.Greatest('created_at', 'updated_at', 'expires_at'), datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='bans_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('server',), name='bans_server_fk', on_delete=chat.db.constraints.OnDelete['CASCADE'], to='chat.Server', to_fields=('space_id',)),
                    chat.db.constraints.CompositeForeignKey(fields=('user',), name='bans_user_fk', to='chat.User', to_fields=('id',)),
                    chat.db.constraints.CompositeForeignKey(fields=('actor',), name='bans_actor_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='AuditLogEntry',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('server', models.ForeignKey(db_column='space_id', db_comment='The tenant: the server.', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='audit_log', to='chat.server')),
                ('actor', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('action', models.CharField(max_length=64)),
                ('target_type', models.CharField(blank=True, db_default='', default='', max_length=32)),
                ('target_id', models.UUIDField(blank=True, null=True)),
                ('changes', models.JSONField(blank=True, db_default={}, default=dict)),
                ('reason', models.CharField(blank=True, db_default='', default='', max_length=512)),
            ],
            options={
                'verbose_name': 'audit log entry',
                'verbose_name_plural': 'audit log',
                'db_table': 'audit_log',
                'db_table_comment': 'What moderators did. Append-only (trigger).',
                'indexes': [
                    models.Index(models.F('server'), models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='audit_log_server_ix'),
                    models.Index(models.F('server'), models.F('target_id'), models.OrderBy(models.F('created_at'), descending=True), condition=models.Q(('action', 'member.timeout')), name='audit_log_timeout_ix'),
                    models.Index(models.F('actor'), condition=models.Q(('reason', ''), _negated=True), name='audit_log_actor_ix'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length('action'), 1), name='audit_log_action_ck'),
                    models.CheckConstraint(condition=django.db.models.lookups.Exact(models.Func('changes', function='jsonb_typeof', output_field=models.TextField()), 'object'), name='audit_log_changes_ck'),
                    models.CheckConstraint(condition=models.Q(('created_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('created_at__lt', datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='audit_log_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('server',), name='audit_log_server_fk', to='chat.Server', to_fields=('space_id',)),
                    chat.db.constraints.CompositeForeignKey(fields=('actor',), name='audit_log_actor_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='AdminAccess',
            fields=[
                ('id', models.UUIDField(db_default=chat.db.ids.UUIDv7(), default=chat.db.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('actor', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('action', models.CharField(max_length=64)),
                ('target_type', models.CharField(blank=True, db_default='', default='', max_length=32)),
                ('target_id', models.UUIDField(blank=True, null=True)),
                ('details', models.JSONField(blank=True, db_default={}, default=dict)),
            ],
            options={
                'verbose_name': 'look at private messages',
                'verbose_name_plural': 'looks at private messages',
                'db_table': 'admin_access_log',
                'db_table_comment': 'Looks of staff at what is private. Append-only (trigger).',
                'indexes': [
                    models.Index(models.F('actor'), models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='admin_access_log_actor_ix'),
                    models.Index(models.F('target_id'), models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('target_id__isnull', False)), name='admin_access_log_target_ix'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length('action'), 1), name='admin_access_log_action_ck'),
                    models.CheckConstraint(condition=django.db.models.lookups.Exact(models.Func('details', function='jsonb_typeof', output_field=models.TextField()), 'object'), name='admin_access_log_details_ck'),
                    models.CheckConstraint(condition=models.Q(('created_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('created_at__lt', datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='admin_access_log_moments_ck', violation_error_message='Moments are between the years 1970 and 9998; for ever is NULL.'),
                    chat.db.constraints.CompositeForeignKey(fields=('actor',), name='admin_access_log_actor_fk', to='chat.User', to_fields=('id',)),
                ],
            },
        ),
        migrations.CreateModel(
            name='Schema',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
            options={
                'permissions': [('view_schema', 'Can look at the schema, its ledger and its sizes')],
                'managed': False,
                'default_permissions': (),
            },
        ),
    ]
