//! Integration tests, one file per hazard.
