"""What happens to each message, as columns of verbs over ports and domain."""
