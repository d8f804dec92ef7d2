"""Entries of Nautilus' menu for files: copy and move to another qube, open in a disposable."""

import subprocess

from gi.repository import GObject, Nautilus

COPY_WITH_WINDOW = "/usr/lib/bulkhead/copy-with-window"
OPEN_WITH_WINDOW = "/usr/lib/bulkhead/open-with-window"


class QubesMenu(GObject.GObject, Nautilus.MenuProvider):
    def get_file_items(self, *args):
        # Older versions pass the window first.
        files = [file.get_location().get_path() for file in args[-1]]
        if not files or None in files:
            return []
        items = [
            self._item("copy", "Copy to other qube...", [COPY_WITH_WINDOW, "qvm-copy", *files]),
            self._item("move", "Move to other qube...", [COPY_WITH_WINDOW, "qvm-move", *files]),
        ]
        if len(files) == 1 and not args[-1][0].is_directory():
            items.append(self._item("open", "Open in disposable", [OPEN_WITH_WINDOW, "qvm-open-in-dvm", files[0]]))
        return items

    @staticmethod
    def _item(name, label, command):
        item = Nautilus.MenuItem(name=f"QubesMenu::{name}", label=label)
        item.connect("activate", lambda _: subprocess.Popen(command))
        return item
