"""Posting notices to the webhooks of receivers, and what came back."""
