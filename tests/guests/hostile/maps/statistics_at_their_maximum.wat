;; Returns the highest possible number for each statistic.
(memory (export "memory") 2)
(func (export "localmap:core/control@0.1.0#stats") (result i32)
    (memory.fill (i32.const 512) (i32.const 255) (i32.const 104))
    (i32.const 512))
