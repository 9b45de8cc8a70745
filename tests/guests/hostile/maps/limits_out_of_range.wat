;; Returns limits that no map can have, and a flag that is neither false nor true.
(memory (export "memory") 2)
(func (export "localmap:core/control@0.1.0#current-limits") (result i32)
    (memory.fill (i32.const 512) (i32.const 255) (i32.const 32))
    (i32.store8 (i32.const 544) (i32.const 1))
    (i32.store8 (i32.const 560) (i32.const 2))
    (i32.const 512))
