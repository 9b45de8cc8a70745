//! The smallest component, as a baseline for others.

/// A component that has a memory and does nothing.
pub(crate) const SMALLEST: &str = r#"
    (component
        (core module $module (memory (export "memory") 1) (func (export "run")))
        (core instance $instance (instantiate $module))
        (func (export "run") (canon lift (core func $instance "run")))
    )
"#;
