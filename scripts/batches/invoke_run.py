"""`--via invoke`: this machine lists the images and calls the function."""

from __future__ import annotations

from scripts.batches import calls, estimate, formats, sources
from scripts.batches.backlog import Backlog
from scripts.batches.calls import Reply
from scripts.batches.errors import BatchError
from scripts.batches.job import Job, Outcome
from scripts.batches.progress import RunProgress
from scripts.batches.run import Run, Totals
from scripts.batches.sources import Source
from scripts.command_line import request_options


def fill(job: Job) -> Outcome:
    """Predict the images of SOURCE that have no row; with --estimate, call the function for a few of them.

    Raises:
        BatchError: the source or the function cannot be used.
        DeployError: an error of AWS.
        OSError: the file cannot be written.
    """
    options = job.options
    source = sources.open_source(options.source, job.aws)
    with Backlog() as backlog, RunProgress(options.quiet or options.json, job.screen.console) as progress:
        total = _list(job, source, backlog, progress)
        if total is None:
            return Outcome(False, backlog.count, source.left_out, Totals(), {})
        if not total:
            raise BatchError(f"{options.source} must have images, got {_described(source) or 'none'}")
        if not backlog.count:
            return Outcome(True, total, source.left_out, Totals(), {})
        return _call(job, source, backlog, total, progress)


def _list(job: Job, source: Source, backlog: Backlog, progress: RunProgress) -> int | None:
    """Fill the backlog with the images that are not done; return the number of all images, None after Ctrl-C."""
    done = 0
    for item in source.items():
        if job.is_interrupted():
            return None
        if job.results is not None and job.results.done(item.source):
            done += 1
        else:
            backlog.add(item)
        progress.listed(done + backlog.count)
    # A manifest may name a done image twice; the file has each of them once.
    return backlog.count + (min(done, job.results.count) if job.results else 0)


def _call(job: Job, source: Source, backlog: Backlog, total: int, progress: RunProgress) -> Outcome:
    options, screen = job.options, job.screen
    function = calls.describe(options.function, job.aws)
    screen.line(f"function  {options.function} in {job.aws.region}{f' ({function.arn})' if function.arn else ''}")
    screen.line(f"images    {total:,} in {source.identity}, {total - backlog.count:,} of them done{_note(source)}")
    caller = calls.Caller(function, request_options(options), job.aws, options.concurrency)

    def report(reply: Reply) -> None:
        totals = run.totals
        progress.update(totals.images, totals.errors.total(), totals.usd)
        if options.verbose:
            _print_call(job, reply)

    run = Run(caller, backlog, job.results, options.images_per_call, job.is_interrupted, report)
    progress.begin(total, total - backlog.count)
    measured = estimate.measure(run, caller, bool(job.results and job.results.count > job.results.errors))
    details = {}
    if measured:
        formats.require(options.format, measured.task or None)
        run.per_call = min(run.per_call, measured.per_call)
        are_objects = options.source.startswith("s3://") or not isinstance(source, sources.Folder)
        found = estimate.estimate(measured, backlog.count, options.concurrency, function, are_objects)
        details = {"measured": measured._asdict(), "estimate": found._asdict()}
        for line in estimate.lines(measured, found, backlog.count, options.concurrency):
            screen.line(line)
    is_complete = options.estimate or run.all(options.concurrency)
    return Outcome(is_complete, total, source.left_out, run.totals, details)


def _print_call(job: Job, reply: Reply) -> None:
    """Print a line for a call and each error in it, for --verbose."""
    kind, message = reply.error
    result = f"{kind}: {message}" if kind else f"{len(reply.rows)} rows"
    cold = f", init {reply.init_s:.2f} s" if reply.init_s is not None else ""
    job.screen.log(f"call of {len(reply.items)}: {result}, {reply.seconds:.2f} s, sent {reply.throttles + 1} x{cold}")
    for row in reply.rows:
        if "error" in row:
            job.screen.error(f"{row['source']}: {row['type']}: {row['error']}")


def _described(source: Source) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(source.left_out.items()))


def _note(source: Source) -> str:
    text = _described(source)
    return f"; left out: {text}" if text else ""
