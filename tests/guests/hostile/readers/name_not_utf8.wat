;; Reads a mirror whose name is not UTF-8.
(import "localmap:core/mirror@0.1.0" "status" (func $status (param i32 i32 i32)))
(memory (export "memory") 1)
(data (i32.const 16) "\ff\fe")
(func (export "run") (result i64)
    (call $status (i32.const 16) (i32.const 2) (i32.const 1024))
    (i64.const 0))
