"""Pictures, and what Ultralytics itself finds on them."""
