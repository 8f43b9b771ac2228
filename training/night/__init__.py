"""A night: from what counselors approved to an adapter in service, or a refusal with its reasons."""
