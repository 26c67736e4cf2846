"""The JSON Schemas of imgc: the single source of key names, types and descriptions."""
