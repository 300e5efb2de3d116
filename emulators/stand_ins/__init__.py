"""What stands in for the rest of the world: chart publishers, Slack, discovery, and an image."""
