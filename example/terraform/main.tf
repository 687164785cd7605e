# The two zips of scripts/build_zip.sh on AWS Lambda: layer, function, alias `live`, and the Function URL of the alias.
# trigger.tf adds a queue with the new images of a bucket. Every change of a zip or a setting publishes a version and
# moves the alias to it.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29" # the first with invoked_via_function_url
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  build   = jsondecode(file("${var.dist}/build.json"))
  runtime = "python${local.build.python}"
  zips    = { for name in ["layer", "function"] : name => "${var.dist}/${name}.zip" }
  limit   = 50 * 1024 * 1024 # bytes; a larger zip goes through a bucket
}

# Only with var.bucket: Lambda copies the zips from there.
resource "aws_s3_object" "zips" {
  for_each = var.bucket == "" ? {} : local.zips

  bucket      = var.bucket
  key         = "yolo-lambda/${substr(filesha256(each.value), 0, 16)}/${each.key}.zip"
  source      = each.value
  source_hash = filesha256(each.value)
}

resource "aws_lambda_layer_version" "packages" {
  layer_name               = "${var.name}-packages"
  filename                 = var.bucket == "" ? local.zips.layer : null
  s3_bucket                = var.bucket == "" ? null : var.bucket
  s3_key                   = var.bucket == "" ? null : aws_s3_object.zips["layer"].key
  source_code_hash         = filebase64sha256(local.zips.layer)
  compatible_runtimes      = [local.runtime]
  compatible_architectures = [local.build.arch]
  skip_destroy             = true # earlier versions of the function use it, and a rollback needs them

  lifecycle {
    precondition {
      condition     = var.bucket != "" || local.build.layer.zip_bytes <= local.limit
      error_message = "layer.zip is larger than 50 MB: set the variable bucket, through which it is uploaded."
    }
  }
}

resource "aws_lambda_function" "yolo" {
  function_name                  = var.name
  role                           = aws_iam_role.function.arn
  handler                        = "function.handler.lambda_handler"
  runtime                        = local.runtime
  architectures                  = [local.build.arch]
  layers                         = [aws_lambda_layer_version.packages.arn]
  filename                       = var.bucket == "" ? local.zips.function : null
  s3_bucket                      = var.bucket == "" ? null : var.bucket
  s3_key                         = var.bucket == "" ? null : aws_s3_object.zips["function"].key
  source_code_hash               = filebase64sha256(local.zips.function)
  memory_size                    = var.memory_mb
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency
  publish                        = true

  environment {
    variables = merge({ ORT_DISABLE_TELEMETRY = "1" }, local.trigger_variables, var.environment)
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  lifecycle {
    precondition {
      condition     = var.bucket != "" || local.build.function.zip_bytes <= local.limit
      error_message = "function.zip is larger than 50 MB: set the variable bucket, through which it is uploaded."
    }
  }

  depends_on = [aws_iam_role_policy.function]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "for callers"
  function_name    = aws_lambda_function.yolo.function_name
  function_version = aws_lambda_function.yolo.version
}

# No fixed name: a log group of another deployment of the function would make the first apply fail.
resource "aws_cloudwatch_log_group" "function" {
  name_prefix       = "/yolo-lambda/${var.name}-"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "function" {
  name_prefix        = "${var.name}-"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "function" {
  name   = "function"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}

data "aws_iam_policy_document" "function" {
  source_policy_documents = data.aws_iam_policy_document.trigger[*].json

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }
}

resource "aws_lambda_function_url" "live" {
  count = var.url_auth == "off" ? 0 : 1

  function_name      = aws_lambda_function.yolo.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = var.url_auth

  dynamic "cors" {
    for_each = length(var.cors_origins) == 0 ? [] : [var.cors_origins]
    content {
      allow_origins = cors.value
      allow_methods = ["GET", "POST"]
      allow_headers = ["content-type", "authorization", "x-api-key", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"]
      max_age       = 86400
    }
  }
}

# A public URL needs both permissions.
resource "aws_lambda_permission" "public_url" {
  count = var.url_auth == "NONE" ? 1 : 0

  statement_id           = "public-url"
  function_name          = aws_lambda_function.yolo.function_name
  qualifier              = aws_lambda_alias.live.name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "public_invoke" {
  count = var.url_auth == "NONE" ? 1 : 0

  statement_id             = "public-invoke"
  function_name            = aws_lambda_function.yolo.function_name
  qualifier                = aws_lambda_alias.live.name
  action                   = "lambda:InvokeFunction"
  principal                = "*"
  invoked_via_function_url = true
}
