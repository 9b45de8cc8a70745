;; Reads a million keys in one call, all of which are the same. Returns how many entries it got.
(import "localmap:core/mirror@0.1.0" "get-many" (func $get-many (param i32 i32 i32 i32 i32)))
(memory (export "memory") 150)
(data (i32.const 16) "flags")
(data (i32.const 32) "big")
(func (export "run") (result i64) (local $at i32)
    ;; Each list: its address and its length. The memory of results is below.
    (local.set $at (i32.const 1048576))
    (loop $next
        (i32.store (local.get $at) (i32.const 32))
        (i32.store offset=4 (local.get $at) (i32.const 3))
        (br_if $next (i32.lt_u
            (local.tee $at (i32.add (local.get $at) (i32.const 8)))
            (i32.const 9048576))))
    (call $get-many (i32.const 16) (i32.const 5) (i32.const 1048576) (i32.const 1000000) (i32.const 1024))
    (if (i32.load8_u (i32.const 1024)) (then unreachable))
    (i64.load32_u (i32.const 1036)))
