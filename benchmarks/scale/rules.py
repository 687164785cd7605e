"""Scaling rules and quotas of AWS that the simulation follows; docs/performance.md has the source of each.

Those marked (memory) were written down from memory and may have changed; nothing else here depends on them.
"""

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html, gettingstarted-limits.html
NEW_ENVIRONMENTS, SCALING_PERIOD_S = 1000, 10.0  # of one function, in each period
ACCOUNT_CONCURRENCY = 1000  # of a region; a new account has less
REQUESTS_PER_ENVIRONMENT = 10  # requests per second for each unit of concurrency
CALL_LIMIT_S = 900  # timeout of a function

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
POLLERS, POLLERS_PER_S, POLLERS_LIMIT = (
    5,
    300 / 60,
    1250,
)  # an older copy of the page: 1,000; before 2023: 60 in a minute
RECEIVED = 10  # messages of one request to SQS
RETENTION_S = 4 * 86_400  # of the queue in template.yaml

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
CHILDREN_LIMIT = 10_000  # child executions of a map run at the same time
CHILD_STARTS_PER_S = 6000  # express executions (memory)
EXPRESS_LIMIT_S = 300
EXPRESS_GB_SECOND = 0.00001667  # USD, https://aws.amazon.com/step-functions/pricing
EXPRESS_GB, EXPRESS_STEP_S = 64 / 1024, 0.1  # least memory and step of the time that is billed

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html (memory)
GETS_PER_S, PUTS_PER_S = 5500, 3500  # for each prefix
KEYS_PER_LIST = 1000  # of one response of ListObjectsV2
LIST_S = 0.1  # of one such request (memory)

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html
JOB_CONCURRENCY = 1000  # calls of one job of S3 Batch Operations (memory)

# Mean delay before a throttled call is sent again.
CLIENT_RETRY_S = 1.0  # boto3, exponential backoff with jitter
MAP_RETRY_S = 1.0  # Retry of the state machine: IntervalSeconds 2 with full jitter
QUEUE_RETRY_S = 1.0  # event source mapping (memory)
JOB_RETRY_S = 1.0  # (memory)

# Measured: docs/bulk.md, "Time and cost" (with reading from and writing to S3), and docs/performance.md, "Cold start".
IMAGE_S, INIT_S = 0.064, 0.18
