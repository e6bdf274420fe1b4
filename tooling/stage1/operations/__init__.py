"""One use case a module: takes settings and a target, returns a result that any caller can show. Prints nothing."""
