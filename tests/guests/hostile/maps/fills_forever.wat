;; Fills all the memory it can get, again and again.
(memory (export "memory") 2)
(func (export "localmap:core/local-map@0.1.0#get") (param i32 i32) (result i32) (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    (loop $for-ever (memory.fill (i32.const 65536) (i32.const 7) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536))) (br $for-ever))
    unreachable)
