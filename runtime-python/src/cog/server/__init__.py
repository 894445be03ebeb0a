"""The HTTP server. Only `http` may be imported by the model's interpreter; the rest runs in a process of its own."""
