"""The visit and its lifecycle, and what is due under the jurisdiction's rules."""
