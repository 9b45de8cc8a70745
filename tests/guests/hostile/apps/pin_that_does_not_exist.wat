;; Reads a pin that was never created.
(import "localmap:core/local-map@0.1.0" "[method]pinned.value" (func $value (param i32 i32)))
(memory (export "memory") 1)
(func (export "run") (result i64) (call $value (i32.const 17) (i32.const 256)) (i64.const 0))
