;; Reads 1,024 keys of 100,000 bytes, all at the same place, a hundred times. Returns how many entries it
;; got.
(import "localmap:core/mirror@0.1.0" "get-many" (func $get-many (param i32 i32 i32 i32 i32)))
(memory (export "memory") 32)
(data (i32.const 16) "flags")
(func (export "run") (result i64) (local $at i32) (local $left i32) (local $got i64)
    (local.set $at (i32.const 1048576))
    (loop $next
        (i32.store (local.get $at) (i32.const 1200000))
        (i32.store offset=4 (local.get $at) (i32.const 100000))
        (br_if $next (i32.lt_u
            (local.tee $at (i32.add (local.get $at) (i32.const 8)))
            (i32.const 1056768))))
    (local.set $left (i32.const 100))
    (loop $again
        (call $forget)
        (call $get-many (i32.const 16) (i32.const 5) (i32.const 1048576) (i32.const 1024) (i32.const 1024))
        (if (i32.load8_u (i32.const 1024)) (then unreachable))
        (local.set $got (i64.add (local.get $got) (i64.load32_u (i32.const 1036))))
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (local.get $got))
