;; Traps after storing one of two values that belong together.
(import "localmap:core/local-map@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i64 i32)))
(memory (export "memory") 1)
(data (i32.const 16) "one")
(func (export "run") (result i64)
    (call $set (i32.const 16) (i32.const 3) (i32.const 64) (i32.const 64) (i32.const 1) (i64.const 0) (i32.const 256))
    unreachable)
