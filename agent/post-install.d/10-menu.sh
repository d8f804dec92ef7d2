#!/bin/sh
# The programs of the menu, for dom0.
/usr/lib/bulkhead/desktop-entries list | qrexec-client-vm dom0 qubes.SyncAppMenus
