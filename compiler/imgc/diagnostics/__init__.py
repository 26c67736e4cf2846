"""What is wrong with a file, where, and how it can be fixed. Shared by the command line and the editor."""

from imgc.diagnostics.diagnostic import Diagnostic, Edit, Fix, Related, Severity, in_order
from imgc.diagnostics.span import Origin, Place, Span

__all__ = ["Diagnostic", "Edit", "Fix", "Origin", "Place", "Related", "Severity", "Span", "in_order"]
