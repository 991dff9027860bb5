"""Comparison of the spec with published OpenAPI and Swagger documents."""
