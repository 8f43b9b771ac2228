"""Final notes as files: one document, four ways to write it down."""
