"""What requests and answers look like, for OpenAPI and for checking what came, one subject a file."""
