"""Isolation modes of the sandbox on this machine, best first: only command lines, nothing is started here."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

USER_ID, GROUP_ID = 993, 990  # of Lambda's own user, sbx_user1051


class IsolationMode(NamedTuple):
    """Commands that make a sandbox.

    Attributes:
        isolation: `namespace` (own mounts, processes and network) or `plain` (temporary folders).
        enter: command in front of the sandbox process; it creates the namespaces.
        drop: command in front of each process in the sandbox; it drops the privileges.
        description: properties of the mode, for the user.
    """

    isolation: str
    enter: tuple[str, ...]
    drop: tuple[str, ...]
    description: str

    @property
    def name(self) -> str:
        """Name of the mode, for the user."""
        return "user namespace" if "--map-root-user" in self.enter else self.isolation


NAMESPACES = ("--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child")
NAMESPACE_DESCRIPTION = "no network; only /tmp is writable; only /usr and the Python of the host are visible"
PLAIN_DESCRIPTION = "temporary folders without write permission"


def modes(isolation: str) -> list[IsolationMode]:
    """Return the modes to try for `auto`, `namespace` or `plain`, best first."""
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    is_root = os.geteuid() == 0
    available = []
    drop = (f"{setpriv}", f"--reuid={USER_ID}", f"--regid={GROUP_ID}", "--clear-groups", "--no-new-privs",
            "--inh-caps=-all", "--bounding-set=-all")  # fmt: skip
    if isolation != "plain" and unshare and setpriv:
        if is_root:
            available.append(IsolationMode("namespace", (unshare, *NAMESPACES), drop, NAMESPACE_DESCRIPTION))
        map_user = (unshare, "--user", f"--map-user={USER_ID}", f"--map-group={GROUP_ID}", setpriv, "--no-new-privs")
        as_user = (unshare, "--map-root-user", *NAMESPACES)
        available.append(IsolationMode("namespace", as_user, map_user, NAMESPACE_DESCRIPTION))
    if isolation != "namespace":
        if is_root and setpriv:
            available.append(IsolationMode("plain", (), drop, f"{PLAIN_DESCRIPTION}; an unprivileged user"))
        as_root = "; runs as root, which ignores permissions" if is_root else ""
        available.append(IsolationMode("plain", (), (), f"{PLAIN_DESCRIPTION}{as_root}"))
    return available
