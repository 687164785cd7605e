# New images of a bucket, through a queue with dead letters. Only with var.pictures_bucket, which must exist.

locals {
  has_trigger = var.pictures_bucket != ""
  bucket_arn  = "arn:${data.aws_partition.current.partition}:s3:::${var.pictures_bucket}"
  trigger_variables = local.has_trigger ? {
    WATCHED_BUCKET = var.pictures_bucket
    WATCHED_PREFIX = var.pictures_prefix
    RESULT_PREFIX  = var.result_prefix
  } : {}
}

resource "aws_sqs_queue" "dead_letters" {
  count = local.has_trigger ? 1 : 0

  name_prefix               = "${var.name}-dead-letters-"
  message_retention_seconds = 1209600 # 14 days, the maximum
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "images" {
  count = local.has_trigger ? 1 : 0

  name_prefix                = "${var.name}-images-"
  visibility_timeout_seconds = 6 * var.timeout # as the Lambda guide requires
  message_retention_seconds  = 345600          # 4 days
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[0].arn
    maxReceiveCount     = 5
  })

  lifecycle {
    precondition {
      condition     = !startswith(var.result_prefix, var.pictures_prefix) && !startswith(var.pictures_prefix, var.result_prefix)
      error_message = "result_prefix must not begin with pictures_prefix, nor pictures_prefix with it: results would start the function again."
    }
  }
}

resource "aws_sqs_queue_policy" "images" {
  count = local.has_trigger ? 1 : 0

  queue_url = aws_sqs_queue.images[0].url
  policy    = data.aws_iam_policy_document.queue[0].json
}

data "aws_iam_policy_document" "queue" {
  count = local.has_trigger ? 1 : 0

  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.images[0].arn]
    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.bucket_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_lambda_event_source_mapping" "images" {
  count = local.has_trigger ? 1 : 0

  event_source_arn        = aws_sqs_queue.images[0].arn
  function_name           = aws_lambda_alias.live.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.queue_concurrency
  }
}

# This resource replaces all notifications of the bucket, so it is off by default.
resource "aws_s3_bucket_notification" "images" {
  count = local.has_trigger && var.replace_notifications ? 1 : 0

  bucket = var.pictures_bucket

  queue {
    id            = "yolo-lambda-${var.name}"
    queue_arn     = aws_sqs_queue.images[0].arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = var.pictures_prefix
  }

  depends_on = [aws_sqs_queue_policy.images] # S3 sends a test message
}

data "aws_iam_policy_document" "trigger" {
  count = local.has_trigger ? 1 : 0

  statement {
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${local.bucket_arn}/${var.pictures_prefix}*"]
  }

  # Reading a result is for its order: the result of an older object must not replace it.
  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arn}/${var.result_prefix}*"]
  }

  # Without it, S3 responds with 403 for an object that does not exist.
  statement {
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  statement {
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.images[0].arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == "" ? [] : [var.kms_key_arn]
    content {
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${data.aws_region.current.region}.${data.aws_partition.current.dns_suffix}"]
      }
    }
  }
}
