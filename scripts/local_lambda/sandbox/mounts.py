"""Root file system like that of Lambda, made of mounts inside a mount namespace.

The caller must already be in its own namespaces (mount, pid, network). The mounts are not visible outside of them, and
the kernel removes them when the last process in the namespaces ends.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from pathlib import Path

from scripts.local_lambda.sandbox.isolation import GROUP_ID, USER_ID

LIBC = ctypes.CDLL(None, use_errno=True)
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC = 2, 4, 8, 4096, 16384  # sys/mount.h
MNT_DETACH = 2  # sys/mount.h
SYS_MOUNT_SETATTR = 442  # Linux >= 5.12, the same number on x86_64 and aarch64
AT_FDCWD, AT_RECURSIVE = -100, 0x8000  # fcntl.h
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = 1, 2  # linux/mount.h

SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix")  # programs and libraries of the host
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "nsswitch.conf", "localtime", "ssl", "pki", "ca-certificates")
DEVICES = ("null", "zero", "full", "random", "urandom")  # without shm, as on Lambda
CPU = "sys/devices/system/cpu"  # the only part of /sys that numpy and onnxruntime read
TMP_OPTIONS = "mode=1777,size=512m"  # Lambda's default ephemeral storage
USER = "sbx_user1051"  # as on Lambda
ACCOUNTS = {
    "passwd": f"root:x:0:0:root:/root:/sbin/nologin\n{USER}:x:{USER_ID}:{GROUP_ID}::/home/{USER}:/sbin/nologin\n",
    "group": f"root:x:0:\n{USER}:x:{GROUP_ID}:\n",
    "hosts": "127.0.0.1 localhost\n",
}


def enter_root(binds: dict[str, str]) -> None:
    """Make a new root in memory and enter it.

    The old root is not reachable afterwards, and nothing is left in it.

    Args:
        binds: path in the new root (`var/lang`) -> folder of the host that appears there.

    Raises:
        OSError: the kernel refused a step.
    """
    mountpoint = Path(tempfile.mkdtemp(prefix="local-lambda-"))
    mounted = False
    try:
        _mount("tmpfs", mountpoint, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
        mounted = True
        _populate(mountpoint, binds)
        _check(LIBC.pivot_root(os.fsencode(mountpoint), os.fsencode(mountpoint / "old")), f"pivot_root {mountpoint}")
    except OSError:
        if mounted:
            LIBC.umount2(os.fsencode(mountpoint), MNT_DETACH)
        mountpoint.rmdir()  # never rmtree: the folders of the host appear below it
        raise
    os.chdir("/")
    Path("/old", mountpoint.relative_to("/")).rmdir()
    _check(LIBC.umount2(b"/old", MNT_DETACH), "umount2 /old")
    Path("/old").rmdir()


def _populate(root: Path, binds: dict[str, str]) -> None:
    """Bind the folders of the host, write the account files and make Lambda's folders."""
    for name in (*SYSTEM, *(f"etc/{file}" for file in ETC), *(f"dev/{device}" for device in DEVICES), CPU):
        _bind(Path("/") / name, root / name)
    for path, source in binds.items():
        _bind(Path(source), root / path)
    for name, text in ACCOUNTS.items():
        (root / "etc" / name).write_text(text)
    for path in ("tmp", "proc", "old", "var/task", "opt"):
        (root / path).mkdir(parents=True, exist_ok=True)
    # While the host's /proc is still reachable: in a user namespace the kernel allows a new /proc only then.
    _mount("proc", root / "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "")


def lock_root() -> None:
    """Make everything except /proc read-only, and mount an empty, writable /tmp.

    Raises:
        OSError: the kernel refused a step.
    """
    _set_attributes(b"/", AT_RECURSIVE, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0)
    _set_attributes(b"/proc", 0, 0, MOUNT_ATTR_RDONLY)  # the ids of a user namespace are written there
    _mount("tmpfs", Path("/tmp"), "tmpfs", MS_NOSUID | MS_NODEV, TMP_OPTIONS)  # noqa: S108  (the namespace's own)


def _bind(source: Path, target: Path) -> None:
    """Bind a file or folder of the host into the new root, or copy a symbolic link; skip a missing source."""
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    if source.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    _mount(str(source), target, "", MS_BIND | MS_REC, "")


def _mount(source: str, target: Path, kind: str, flags: int, options: str) -> None:
    result = LIBC.mount(
        os.fsencode(source), os.fsencode(target), kind.encode() or None, ctypes.c_ulong(flags), options.encode() or None
    )
    _check(result, f"mount {source} on {target}")


def _set_attributes(path: bytes, flags: int, added: int, removed: int) -> None:
    attributes = (ctypes.c_uint64 * 4)(added, removed, 0, 0)  # struct mount_attr: set, clear, propagation, user ns
    result = LIBC.syscall(
        ctypes.c_long(SYS_MOUNT_SETATTR), ctypes.c_int(AT_FDCWD), ctypes.c_char_p(path), ctypes.c_uint(flags),
        ctypes.byref(attributes), ctypes.c_size_t(ctypes.sizeof(attributes)),
    )  # fmt: skip
    _check(result, f"mount_setattr {path.decode()}")


def _check(result: int, step: str) -> None:
    """Raise OSError if a system call failed."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{step}: {os.strerror(number)}")
