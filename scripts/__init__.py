"""Commands of the project, one for each file of this folder, and their parts.

    build_zip.sh      bundle/         build layer.zip and function.zip
    deploy.sh         aws/            put the zips on AWS Lambda
    undeploy.sh       aws/            remove what deploy.sh created
    call.py           client/         send images to a deployed function
    tune.py           tuning/         measure a deployed function at several memory sizes
    invoke_local.py   local_lambda/   run the zips on this machine as Lambda does
    soak.py           soak/           send thousands of mixed events to the zips on this machine, with injected errors
    soak_s3.py        soak/           the part of it with S3 events in a queue
    test.sh           (pytest)        run the tests
    check             (ruff, mypy)    check format, types and documentation
    bench.sh          ../benchmarks/  measure cold start, latency and memory
    cli_reference.py                  write docs/cli.md from the parsers of all commands
    environments.py                   set up the virtual environments below .envs/, list the Pythons of this machine

manifest.py (build.json) and result_table.py (results as text) are shared by several commands.
"""
