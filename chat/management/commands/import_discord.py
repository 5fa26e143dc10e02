"""Import archives of DiscordChatExporter."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from chat.discord.importing import ImportedExport, import_export, in_order
from chat.errors import ChatError
from chat.management.commands._bulk import refusals_as_command_errors, update_statistics
from chat.models import User
from chat.schema.management.commands._base import ExplainedCommand


class Command(ExplainedCommand):
    """Import archives of DiscordChatExporter."""

    help = (
        "Import channels that DiscordChatExporter exported as JSON. Each file is imported whole or "
        "not at all, those of a channel in the order of their messages. What exists stays, so a "
        "file can be imported again, and a later export of the same channel adds what is new."
    )
    details = """\
It destroys nothing: it only adds rows.

exit codes:
  0  done; what is not imported is named
  1  error; it says which files are not imported, or how many are
 64  the command line is wrong; nothing was done
130  stopped by Ctrl-C or SIGTERM; it says how many files are imported

examples:
  python manage.py import_discord export.json
  python manage.py import_discord exports/*.json --owner captain --visible
"""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the files, --owner and --visible."""
        parser.add_argument("exports", nargs="+", type=Path, metavar="EXPORT.json")
        parser.add_argument(
            "--owner",
            metavar="USERNAME",
            help="The owner of a new server (default: a system account).",
        )
        parser.add_argument(
            "--visible",
            action="store_true",
            help="Make new channels visible to all members. Without it administrators alone see "
            "them, for an export does not say who could. Private threads are always for "
            "administrators alone, and existing channels stay as they are.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Import file by file, with a bar on a terminal, and say at the end what was refused."""
        paths = options["exports"]
        for path in paths:
            if not path.is_file():
                raise CommandError(f"There is no file {path}.")
        imported: list[Path] = []
        refused: list[str] = []
        with refusals_as_command_errors(
            kept=lambda: (
                f"{len(imported)} of {len(paths)} files are imported, and stay. Run the "
                "same command again for the others."
            )
        ):
            owner = self._owner(options["owner"])
            for path in in_order(paths):
                try:
                    done = self._import(path, owner=owner, is_visible=options["visible"])
                except ChatError as error:
                    refused.append(str(error))
                    continue
                except OSError as error:
                    refused.append(
                        f"{path} cannot be read: {error.strerror}. Nothing of it was imported."
                    )
                    continue
                imported.append(path)
                if options["verbosity"] > 0:
                    self._report(path, done)
            update_statistics()
        if refused and imported:
            refused.append(f"The other {len(imported)} of {len(paths)} files are imported.")
        if refused:
            raise CommandError("\n".join(refused))

    def _import(self, path: Path, *, owner: User | None, is_visible: bool) -> ImportedExport:
        with tqdm(
            total=path.stat().st_size, desc=path.name, unit="B", unit_scale=True, disable=None
        ) as bar:
            return import_export(
                path=path, owner=owner, is_visible=is_visible, on_progress=bar.update
            )

    def _owner(self, username: str | None) -> User | None:
        if username is None:
            return None
        owner = User.objects.filter(username=username, erased_at=None).first()
        if owner is None:
            raise CommandError(f"There is no user {username}.")
        return owner

    def _report(self, path: Path, done: ImportedExport) -> None:
        imported = done.imported
        self.stdout.write(
            f"{path}: {imported.messages:,} messages into #{done.channel} of {done.guild}"
            f" ({done.channel_id}), {imported.already_there:,} were there already;"
            f" {imported.reactions:,} reactions, {imported.mentions:,} mentions,"
            f" {imported.attachments:,} files."
        )
        if done.remark:
            self.stdout.write(f"  {done.remark}")
        left_out = dict(done.left_out)
        if imported.replies_to_nothing:
            left_out["references to missing messages"] = imported.replies_to_nothing
        if imported.attachments:
            self.stdout.write(
                "  Next: put the files themselves into the object store, as discord/<id>."
            )
        for what, count in left_out.items():
            self.stdout.write(f"  not imported: {count:,} {what}")
