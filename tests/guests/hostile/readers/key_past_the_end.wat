;; Reads a key that is not in its memory.
(import "localmap:core/mirror@0.1.0" "get" (func $get (param i32 i32 i32 i32 i32)))
(memory (export "memory") 1)
(data (i32.const 16) "flags")
(func (export "run") (result i64)
    (call $get (i32.const 16) (i32.const 5) (i32.const 65535) (i32.const 2) (i32.const 1024))
    (i64.const 0))
