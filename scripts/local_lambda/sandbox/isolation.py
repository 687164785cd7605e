"""How an enclosure can be made on this machine, best first; only command lines, nothing is started."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

USER_ID, GROUP_ID = 993, 990  # of Lambda's own user, sbx_user1051


class IsolationMode(NamedTuple):
    """One way to enclose.

    Attributes:
        isolation: `namespace` (own mounts, processes and network) or `plain` (temporary folders).
        enclose: command in front of the cell.
        drop: command in front of each process in it, which takes its rights away.
        says: what the user should know of it.
    """

    isolation: str
    enclose: tuple[str, ...]
    drop: tuple[str, ...]
    says: str

    @property
    def name(self) -> str:
        """For the user: what kind it is."""
        return "user namespace" if "--map-root-user" in self.enclose else self.isolation


NAMESPACES = ("--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child")
NAMESPACE_SAYS = "no network, nothing writable but /tmp, nothing of the host but /usr and the Python itself"


def ways(isolation: str) -> list[IsolationMode]:
    """The ways to try for `auto`, `namespace` or `plain`, best first; the caller falls back to the next."""
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    root = os.geteuid() == 0
    found = []
    drop = (f"{setpriv}", f"--reuid={USER_ID}", f"--regid={GROUP_ID}", "--clear-groups", "--no-new-privs",
            "--inh-caps=-all", "--bounding-set=-all")  # fmt: skip
    if isolation != "plain" and unshare and setpriv:
        if root:
            found.append(IsolationMode("namespace", (unshare, *NAMESPACES), drop, NAMESPACE_SAYS))
        again = (unshare, "--user", f"--map-user={USER_ID}", f"--map-group={GROUP_ID}", setpriv, "--no-new-privs")
        found.append(IsolationMode("namespace", (unshare, "--map-root-user", *NAMESPACES), again, NAMESPACE_SAYS))
    if isolation != "namespace":
        if root and setpriv:
            found.append(
                IsolationMode("plain", (), drop, "temporary folders without write permission, an unprivileged user")
            )
        weak = "; it runs as root, whom permissions do not stop" if root else ""
        found.append(IsolationMode("plain", (), (), f"temporary folders without write permission{weak}"))
    return found
