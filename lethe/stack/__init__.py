"""The embedded stack: real Redis, real S3, web and workers as child processes."""
