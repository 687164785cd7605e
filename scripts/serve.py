#!/usr/bin/env python3
"""Serve the built zips over HTTP as a Function URL and the Invoke API do, with the real Lambda runtime client.

Runs under any Python from 3.9 on; the environment `build`, which is set up if needed, has what it uses.
"""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: the first entry is the folder of this file

from scripts import environments  # noqa: E402
from scripts.aws.limits import MB_PER_CPU, MEMORY_RANGE, TIMEOUT_RANGE  # noqa: E402
from scripts.command_line import Parser, assignment  # noqa: E402

if TYPE_CHECKING:
    from scripts.server.pool import Pool
    from scripts.server.reload import Reload

FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
MAX_PORT = 65_535
IAM = "AWS_IAM"  # auth type of a Function URL
TIMEOUT = 30.0  # seconds
HEADERS_LIMIT = 1024 * 1024  # bytes; of the request line and the headers, as Lambda
SHUTDOWN_LIMIT = 3  # seconds for running requests after Ctrl-C
EPILOG = """\
examples:
  scripts/serve.py                                         the zips in dist, at http://127.0.0.1:8000/
  scripts/serve.py --reload --verbose                      with the present files of function/, and the log
  scripts/serve.py --auth AWS_IAM                          with the readings of a model in the zips
  AWS_ENDPOINT_URL_LAMBDA=http://127.0.0.1:8000 python program.py   a program whose boto3 calls yolo:live calls the zips
  scripts/serve.py --isolation plain --env NAME=VALUE      with a network, for S3 and Bedrock: see docs/local.md

exit codes: 1 the function did not start, 2 usage or environment error, 130 interrupted, which is how the server ends"""


def main(arguments: list[str]) -> int:
    """Serve until Ctrl-C; return the exit code: 1, 2 or 130."""
    options = parse(arguments)
    if not environments.has_packages():
        return environments.run_in("build", [str(ROOT / "scripts" / "serve.py"), *arguments])
    from scripts.local_lambda.errors import InitFailed, LocalLambdaError, NotRunnable

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))  # with cleanup, as after Ctrl-C
    try:
        _serve(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except InitFailed as error:
        from scripts.local_lambda import report

        log_hint = "" if options.verbose else "--verbose prints the log"
        first_line = report.init_failure(error, log_was_shown=True).splitlines()[0]
        return _fail(
            "; ".join(filter(None, (first_line, report.hidden_file(error, dict(options.env)), log_hint))), FAILED
        )
    except NotRunnable as error:
        return _fail(error)
    except LocalLambdaError as error:
        return _fail(error, FAILED)
    except OSError as error:
        return _fail(": ".join(filter(None, (error.filename and str(error.filename), error.strerror or str(error)))))
    return 0


def _serve(options: argparse.Namespace) -> None:
    """Start the first environment and serve until a signal, which is raised again afterwards."""
    import uvicorn

    from scripts.server.application import Application
    from scripts.server.lambda_api import LambdaApi
    from scripts.server.pool import Pool
    from scripts.server.reload import Reload
    from scripts.server.workers import Workers

    environ = dict(options.env)
    settings = {
        "memory": options.memory, "timeout": options.timeout, "env": environ, "isolation": options.isolation,
        "log": _print_log if options.verbose else None,
    }  # fmt: skip
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(options.host, options.port))
        reload = Reload(options.dist) if options.reload else None
        if reload:
            stack.callback(reload.close)
        pool = Pool(reload.build() if reload else options.dist, options.concurrency, settings)
        stack.callback(pool.close)
        workers = Workers(options.concurrency)
        stack.callback(workers.shutdown, wait=False, cancel_futures=True)  # first: requests that wait start nothing
        function = pool.start()
        if reload:
            reload.watch(lambda: _renew(reload, pool))
        origins = [name.strip().lower() for name in environ.get("CORS_ORIGINS", "").split(",") if name.strip()]
        api = LambdaApi(pool.measure, workers, _print_error, options.memory)
        config = uvicorn.Config(
            Application(pool.invoke, workers, _print_error, origins, options.auth == IAM, api),
            log_config=None, access_log=False, ws="none",
            lifespan="off", server_header=False, proxy_headers=False, timeout_graceful_shutdown=SHUTDOWN_LIMIT,
            h11_max_incomplete_event_size=HEADERS_LIMIT, http="h11", loop="asyncio",
        )  # fmt: skip
        isolation = f"Python {function.python}, {function.isolation}"
        url = _url(listener)
        api_hint = f"for boto3 with AWS_ENDPOINT_URL_LAMBDA={url[:-1]}"
        sys.stdout.write(f"serving {options.dist} at {url} ({isolation}), {api_hint}; Ctrl-C ends\n")
        sys.stdout.flush()
        uvicorn.Server(config).run(sockets=[listener])


def _renew(reload: Reload, pool: Pool) -> None:
    """Use the present sources, and start an environment of them, so that an error is seen at once."""
    from scripts.bundle.archives import VersionLineMissing
    from scripts.local_lambda.errors import LocalLambdaError

    try:
        pool.replace(reload.build())
        pool.start()
    except (LocalLambdaError, VersionLineMissing, OSError) as error:
        _print_error(f"function/ has changed and cannot be used: {error}")
    else:
        _print_error("function/ has changed: it is used from now on")


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        OSError: the address is unknown or in use; the message names it.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        raise OSError(f"--host {host} --port {port}: {error.strerror or error}") from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(prog="scripts/serve.py", description=str(__doc__).splitlines()[0], epilog=EPILOG)
    add: Any = command.add_argument
    add("--dist", type=Path, default=Path("dist"), metavar="DIR", help="folder with the zips (default: %(default)s)")
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="address of the server (default: %(default)s)")
    add("--port", type=int, default=8000, metavar="PORT", help="port; 0 takes a free one (default: %(default)s)")
    add(
        "--concurrency", type=int, default=1, metavar="N",
        help="most environments at a time; further HTTP requests wait, those of boto3 get 429 (default: %(default)s)",
    )  # fmt: skip
    add(
        "--env", type=assignment, action="append", default=[], metavar="NAME=VALUE",
        help="environment variable of the function; repeatable",
    )  # fmt: skip
    add(
        "--auth", choices=("NONE", IAM), default="NONE",
        help="auth type of the Function URL; AWS_IAM: every request counts as signed, so detections are read, and "
        "uploads accepted, without an API key; no signature is checked (default: %(default)s)",
    )  # fmt: skip
    add("--reload", action="store_true", help="use the files of function/, again after each change")
    add("--verbose", action="store_true", help="print the log of the function to stderr")
    add(
        "--memory", type=int, default=MB_PER_CPU, metavar="MB",
        help="memory size that the function sees; not enforced (default: %(default)s)",
    )  # fmt: skip
    add(
        "--timeout", type=float, default=TIMEOUT, metavar="SECONDS",
        help="time limit of an invocation (default: %(default)g)",
    )  # fmt: skip
    add(
        "--isolation", choices=("auto", "namespace", "plain"), default="auto",
        help="own namespaces without a network, temporary folders, or the best mode that works (default: %(default)s)",
    )  # fmt: skip
    command.add_version()
    return command


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    if not 0 <= options.port <= MAX_PORT:
        command.error(f"--port must be between 0 and {MAX_PORT}, got {options.port}")
    if options.concurrency < 1:
        command.error(f"--concurrency must be at least 1, got {options.concurrency}")
    least, most = MEMORY_RANGE
    if not least <= options.memory <= most:
        command.error(f"--memory must be between {least} and {most} MB, got {options.memory}")
    if not 0 < options.timeout <= TIMEOUT_RANGE[1]:
        command.error(f"--timeout must be more than 0 and at most {TIMEOUT_RANGE[1]} seconds, got {options.timeout:g}")
    return options


def _print_log(line: str) -> None:
    sys.stderr.write(f"  | {line}\n")
    sys.stderr.flush()


def _print_error(text: object) -> None:
    sys.stderr.write(f"serve: {text}\n")
    sys.stderr.flush()


def _fail(text: object, code: int = USAGE) -> int:
    _print_error(text)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
