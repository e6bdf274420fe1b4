"""Everything that talks to PostgreSQL or runs its programs. The only importer of psycopg and yoyo; holds no SQL text
but calls of functions and views, COPY and session settings."""
