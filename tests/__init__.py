"""The project's tests, a folder a room."""
