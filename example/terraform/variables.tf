variable "name" {
  description = "Name of the function."
  type        = string
  default     = "yolo"

  validation {
    condition     = can(regex("^[a-zA-Z0-9-_]{1,38}$", var.name))
    error_message = "name must be at most 38 letters, digits, - and _."
  }
}

variable "dist" {
  description = "Folder that scripts/build_zip.sh wrote."
  type        = string
  default     = "../../dist"
}

variable "bucket" {
  description = "Bucket in the region of the function through which the zips are uploaded. Empty: directly, up to 50 MB."
  type        = string
  default     = ""
}

variable "memory_mb" {
  description = "Memory in MB. 1769 MB is one full vCPU."
  type        = number
  default     = 1769

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be between 128 and 10240."
  }
}

variable "timeout" {
  description = "Time limit of an invocation in seconds."
  type        = number
  default     = 30

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900
    error_message = "timeout must be between 1 and 900."
  }
}

variable "reserved_concurrency" {
  description = "Maximum of parallel invocations, taken from the limit of the account. -1: not reserved. Set it if url_auth is NONE."
  type        = number
  default     = -1
}

variable "environment" {
  description = "Environment variables of the function, such as { CONF_THRESHOLD = \"0.4\" }."
  type        = map(string)
  default     = {}
}

variable "log_retention_days" {
  description = "Retention of the log in days."
  type        = number
  default     = 30
}

variable "url_auth" {
  description = "Function URL of the alias. AWS_IAM: callers sign their requests. NONE: everybody may call it, at your cost."
  type        = string
  default     = "AWS_IAM"

  validation {
    condition     = contains(["off", "AWS_IAM", "NONE"], var.url_auth)
    error_message = "url_auth must be off, AWS_IAM or NONE."
  }
}

variable "cors_origins" {
  description = "Origins of web pages that may call the URL from a browser, or [\"*\"]."
  type        = list(string)
  default     = []
}

variable "pictures_bucket" {
  description = "Existing bucket whose new images are processed, through a queue. Empty: no queue."
  type        = string
  default     = ""
}

variable "pictures_prefix" {
  description = "Key prefix of the images."
  type        = string
  default     = "in/"
}

variable "result_prefix" {
  description = "Key prefix of the results. It must not begin with pictures_prefix, nor pictures_prefix with it."
  type        = string
  default     = "results/"
}

variable "replace_notifications" {
  description = "true: connect the bucket to the queue, which replaces all notifications that the bucket has. false: connect it where its notifications are declared, with the output queue_arn."
  type        = bool
  default     = false
}

variable "queue_concurrency" {
  description = "Maximum of parallel invocations for the queue."
  type        = number
  default     = 10

  validation {
    condition     = var.queue_concurrency >= 2 && var.queue_concurrency <= 1000
    error_message = "queue_concurrency must be between 2 and 1000."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the objects of pictures_bucket. Empty: none."
  type        = string
  default     = ""
}
