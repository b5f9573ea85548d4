//! Other toolkits' programs, run against this project's receiver.
