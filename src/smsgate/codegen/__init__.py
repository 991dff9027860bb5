"""Code generator: OpenAPI document to models and operations."""
