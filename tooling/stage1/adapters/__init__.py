"""What speaks to the world outside of PostgreSQL. May import model and errors; refuses to know the database."""
