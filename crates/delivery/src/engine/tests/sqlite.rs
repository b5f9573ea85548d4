//! The engine on SQLite.
