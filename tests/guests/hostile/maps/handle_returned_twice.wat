;; Returns the same handle again and again.
(import "[export]localmap:core/local-map@0.1.0" "[resource-new]pinned" (func $new (param i32) (result i32)))
(global $pin (mut i32) (i32.const 0))
(func (export "localmap:core/local-map@0.1.0#pin") (param i32 i32) (result i32)
    (if (i32.eqz (global.get $pin)) (then (global.set $pin (call $new (i32.const 7)))))
    (i32.store (i32.const 520) (i32.const 1))
    (i32.store (i32.const 524) (global.get $pin))
    (i32.const 512))
