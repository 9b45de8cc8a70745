;; Allocates all the memory it can get, page by page.
(import "localmap:core/local-map@0.1.0" "len" (func $len (result i64)))
(memory (export "memory") 1)
(func (export "run") (result i64) (local $at i32)
    (loop $more
        (local.set $at (memory.grow (i32.const 1)))
        (if (i32.ne (local.get $at) (i32.const -1)) (then
            (i32.store (i32.mul (local.get $at) (i32.const 65536)) (i32.const 7))
            (br $more))))
    (i64.extend_i32_u (memory.size)))
