//! Protocol client library and load generator.
