;; Returns a pin whose destructor loops.
(import "[export]localmap:core/local-map@0.1.0" "[resource-new]pinned" (func $new (param i32) (result i32)))
(func (export "localmap:core/local-map@0.1.0#pin") (param i32 i32) (result i32)
    (i32.store (i32.const 520) (i32.const 1))
    (i32.store (i32.const 524) (call $new (i32.const 7)))
    (i32.const 512))
(func (export "localmap:core/local-map@0.1.0#[dtor]pinned") (param i32) (loop $for-ever (br $for-ever)))
