"""Quotas of AWS Lambda. Sizes are in bytes; a MB of AWS is 1024 x 1024 bytes.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html unless another page is named.
"""

UNZIPPED_LIMIT = 250 * 1024 * 1024  # function and layers together, unzipped
DIRECT_LIMIT = 50 * 1024 * 1024  # a zip that is sent with the request; a larger one must be uploaded to S3
EVENT_LIMIT = 6 * 1024 * 1024  # event of a synchronous invocation, as JSON
# Source: https://github.com/aws/aws-lambda-runtime-interface-emulator, interop/model.go.
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100  # response of a synchronous invocation
ENVIRONMENT_LIMIT = 4096  # names and values of all environment variables of a function
LAYERS_LIMIT = 5  # layers of a function
UNRESERVED_MINIMUM = 10  # concurrent executions of an account that no function may reserve
MEMORY_RANGE = (128, 10_240)  # MB
TIMEOUT_RANGE = (1, 900)  # seconds
# Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html.
MB_PER_CPU = 1769  # MB of memory at which a function has one vCPU
