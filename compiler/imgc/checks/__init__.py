"""Rules about a document: its structure by the schema, and what holds across its sections."""
