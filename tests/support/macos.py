"""A Mac with Apple silicon, simulated on Linux: what Python tells of the machine, and the tools of a BSD.

The libraries stay those of Linux. What is missing on a Mac is removed, so that code which needs it fails.
"""

import shutil
import subprocess
import textwrap
from pathlib import Path

MODULE = "simulated_mac"
PROGRAM = """\
import os, platform, resource, select, sys, sysconfig, types

sysconfig.get_config_vars()  # reads a file with the name of the real system, and keeps it
MISSING = (
    "copy_file_range", "eventfd", "getrandom", "getxattr", "listxattr", "memfd_create", "pidfd_open", "pipe2",
    "posix_fadvise", "posix_fallocate", "sched_getaffinity", "sched_setaffinity", "setns", "setxattr", "splice",
    "unshare", "O_TMPFILE", "O_PATH",
)
for name in MISSING:
    if hasattr(os, name):
        delattr(os, name)
for module, name in ((select, "epoll"), (resource, "prlimit")):
    if hasattr(module, name):
        delattr(module, name)
MACHINE = "@MACHINE@"
names = os.uname_result(("Darwin", "mac", "23.5.0", "Darwin Kernel Version 23.5.0", MACHINE))
os.uname = lambda: names
platform.system, platform.machine, platform.release = lambda: "Darwin", lambda: MACHINE, lambda: "23.5.0"
platform.mac_ver = lambda *_: ("14.5", ("", "", ""), MACHINE)
sys.platform = "darwin"
proxies = types.ModuleType("_scproxy")  # urllib asks it for the settings of the system
proxies._get_proxy_settings = proxies._get_proxies = dict
sys.modules["_scproxy"] = proxies
"""
ABSENT = ("realpath", "nproc", "timeout", "sha256sum", "md5sum", "tac", "numfmt", "getent", "ldd", "unshare", "setpriv")
GNU_OPTIONS = {  # tool -> short options that a BSD does not have, or that mean something else there
    "readlink": "-f -e -m", "sed": "-i -r -z", "stat": "-c", "date": "-d -I", "mktemp": "-p", "cp": "-u -t",
    "tail": "", "head": "", "dirname": "", "basename": "", "ls": "", "mv": "-t -u", "rm": "", "ln": "-r -t",
    "sort": "-V", "grep": "-P", "xargs": "-d -i", "find": "-printf", "cut": "", "tr": "", "mkdir": "", "env": "-C",
}  # fmt: skip


def write_module(folder: Path, name: str = MODULE, machine: str = "arm64") -> None:
    """Write the module that turns the Python which imports it into that of a Mac."""
    (folder / f"{name}.py").write_text(PROGRAM.replace("@MACHINE@", machine))


def environment(ready: Path, home: Path) -> Path:
    """Make the environment `build` of a Mac in the folder `home`, and return its folder of programs.

    Args:
        ready: the folder of the ready environment `build`, whose packages it uses.
        home: the folder of YOLO_LAMBDA_HOME.
    """
    folder = home / "build"
    base = (ready / "bin" / "python").resolve()
    subprocess.run([str(base), "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = ready.glob("lib/python3.*/site-packages")
    (own,) = folder.glob("lib/python3.*/site-packages")
    write_module(own)
    (own / "mac.pth").write_text(f"{packages}\nimport {MODULE}\n")
    shutil.copyfile(ready / "stamp", folder / "stamp")
    return folder / "bin"


def write_tools(folder: Path) -> None:
    """Write stand-ins for the tools of a shell that refuse what only those of GNU have."""
    folder.mkdir(exist_ok=True)
    for name in ABSENT:
        _write(folder / name, f'echo "{name}: command not found" >&2; exit 127')
    for name, refused in GNU_OPTIONS.items():
        real = shutil.which(name)
        cases = "|".join(["--?*", *(f"{option}*" for option in refused.split())])
        body = f"""\
        for argument in "$@"; do
            case "$argument" in {cases}) echo "{name}: illegal option $argument" >&2; exit 64 ;; esac
        done
        exec {real} "$@"
        """
        _write(folder / name, textwrap.dedent(body))


def _write(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
