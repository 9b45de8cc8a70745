;; Creates and drops a handle whenever a handle is dropped.
(import "[export]localmap:core/local-map@0.1.0" "[resource-new]pinned" (func $new (param i32) (result i32)))
(import "[export]localmap:core/local-map@0.1.0" "[resource-drop]pinned" (func $drop (param i32)))
(func $again (call $drop (call $new (i32.const 7))))
(func (export "localmap:core/local-map@0.1.0#len") (result i64) (call $again) (i64.const 0))
(func (export "localmap:core/local-map@0.1.0#[dtor]pinned") (param i32) (call $again))
