"""Code generator: OpenAPI document to models and operations."""

from smsgate.codegen._shipped import default_document

__all__ = ["default_document"]
