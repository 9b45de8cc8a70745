;; Exports the host's function that drops handles as the destructor of its pins.
(import "[export]localmap:core/local-map@0.1.0" "[resource-new]pinned" (func $new (param i32) (result i32)))
(import "[export]localmap:core/local-map@0.1.0" "[resource-drop]pinned" (func $drop (param i32)))
(export "localmap:core/local-map@0.1.0#[dtor]pinned" (func $drop))
(func (export "localmap:core/local-map@0.1.0#len") (result i64)
    (drop (call $new (i32.const 1)))
    (call $drop (call $new (i32.const 1)))
    (i64.const 0))
