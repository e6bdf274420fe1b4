"""Pure values. Imports nothing of ours."""
