output "function_name" {
  description = "Name of the function; callers use NAME:live."
  value       = aws_lambda_function.yolo.function_name
}

output "alias_arn" {
  description = "ARN of the alias live, for callers."
  value       = aws_lambda_alias.live.arn
}

output "function_url" {
  description = "Function URL. POST an image to it."
  value       = one(aws_lambda_function_url.live[*].function_url)
}

output "queue_arn" {
  description = "ARN of the queue, for the notifications of the bucket."
  value       = one(aws_sqs_queue.images[*].arn)
}

output "dead_letter_queue_url" {
  description = "Queue with the notifications that failed five times."
  value       = one(aws_sqs_queue.dead_letters[*].url)
}

output "log_group" {
  description = "Log of the function."
  value       = aws_cloudwatch_log_group.function.name
}
