;; Reads a mirror whose name has 48 MiB. Returns the case of the error.
(import "localmap:core/mirror@0.1.0" "get" (func $get (param i32 i32 i32 i32 i32)))
(memory (export "memory") 800)
(func (export "run") (result i64)
    (memory.fill (i32.const 65536) (i32.const 97) (i32.const 50331648))
    (call $get (i32.const 65536) (i32.const 50331648) (i32.const 0) (i32.const 0) (i32.const 1024))
    (i64.or
        (i64.shl (i64.load8_u (i32.const 1024)) (i64.const 8))
        (i64.load8_u (i32.const 1032))))
