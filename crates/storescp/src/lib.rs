//! The storage receiver: everything that touches the world.
