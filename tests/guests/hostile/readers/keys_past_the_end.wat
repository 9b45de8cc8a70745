;; Reads two keys, of which the second is not in its memory.
(import "localmap:core/mirror@0.1.0" "get-many" (func $get-many (param i32 i32 i32 i32 i32)))
(memory (export "memory") 1)
(data (i32.const 16) "flags")
(data (i32.const 32) "\10\00\00\00\05\00\00\00\ff\ff\ff\ff\05\00\00\00")
(func (export "run") (result i64)
    (call $get-many (i32.const 16) (i32.const 5) (i32.const 32) (i32.const 2) (i32.const 1024))
    (i64.const 0))
