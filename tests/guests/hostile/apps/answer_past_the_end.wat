;; Asks for results at an address beyond the end of its memory.
(import "localmap:core/local-map@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i64 i32)))
(import "localmap:core/local-map@0.1.0" "get" (func $get (param i32 i32 i32)))
(memory (export "memory") 1)
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const -16))
(func (export "run") (result i64)
    (call $set (i32.const 16) (i32.const 3) (i32.const 64) (i32.const 64) (i32.const 1) (i64.const 0) (i32.const 256))
    (call $get (i32.const 16) (i32.const 3) (i32.const 256))
    (i64.const 0))
