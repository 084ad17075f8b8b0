//! Self-hosted chat and calling backend.
