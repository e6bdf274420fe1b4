"""The command line: each command parses, calls one operation and hands the result to the renderer. The only importer of click."""
