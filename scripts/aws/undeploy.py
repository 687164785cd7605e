"""Removes what deploy.sh made, and nothing else: tags and descriptions say what that is.

Started by scripts/undeploy.sh.
"""

import argparse
import sys

from scripts.aws import lambda_function, layer, role
from scripts.aws.cli import Aws, DeployError, require

USAGE, INTERRUPTED = 2, 130  # exit codes


def main(arguments: list[str]) -> int:
    """Removes it; 0 also if there was nothing, 2 for what the user can mend or did not want, 1 for the rest."""
    options = parse(arguments)
    aws = Aws(options.region, options.dry_run, _say)
    try:
        require()
        return undeploy(aws, options)
    except DeployError as error:
        sys.stderr.write(f"undeploy: {error}\n")
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write("undeploy: interrupted; run it again for the rest\n")
        return INTERRUPTED


def undeploy(aws: Aws, options: argparse.Namespace) -> int:
    """Look what there is, ask, remove."""
    name = options.function
    found = lambda_function.find(aws, name)
    if found and not lambda_function.is_ours(found):
        raise DeployError(
            f"function {name} was not made by deploy.sh (it has no tag {lambda_function.TAG}); "
            f"`aws lambda delete-function --function-name {name}` removes it"
        )
    role_name = found["Configuration"]["Role"].rsplit("/", 1)[-1] if found else role.default_name(name)
    layers = layer.ours(aws, name)
    with_role = role.exists(aws, role_name, name)
    things = [f"function {name} with its versions and aliases"] if found else []
    things += [f"layer version {one['LayerVersionArn']}" for one in layers]
    things += [f"role {role_name}"] if with_role else []
    if not things:
        _say(f"nothing of {name} is there")
        return 0
    _say("\n".join(["to be removed:", *(f"  {thing}" for thing in things)]))
    if not (options.yes or options.dry_run or _agreed()):
        sys.stderr.write("undeploy: nothing was removed\n")
        return USAGE
    if found:
        aws.change("lambda", "delete-function", "--function-name", name)
    for one in layers:
        words = ["--layer-name", layer.name(name), "--version-number", str(one["Version"])]
        aws.change("lambda", "delete-layer-version", *words)
    if with_role:
        role.remove(aws, role_name)
    if not options.dry_run:
        _say(f"removed. Its log stays: aws logs delete-log-group --log-group-name /aws/lambda/{name}")
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; ends the program with 2 and one line if it makes no sense."""
    parser = argparse.ArgumentParser(prog="undeploy.sh", allow_abbrev=False, add_help=False)
    parser.add_argument("--function", default="yolo")
    parser.add_argument("--region")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--yes", action="store_true")
    return parser.parse_args(arguments)


def _agreed() -> bool:
    sys.stdout.write("remove all of it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
