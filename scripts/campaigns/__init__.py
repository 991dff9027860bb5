"""Campaigns that are killed and resumed, and what planning and journalling cost: ``python -m scripts.campaigns``."""
