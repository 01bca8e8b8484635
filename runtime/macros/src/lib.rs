//! The #[task] attribute.
