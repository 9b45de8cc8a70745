;; Stores a value beyond the end of its memory.
(func (export "localmap:core/local-map@0.1.0#set") (param i32 i32 i32 i32 i32 i64) (result i32)
    (i32.store (i32.const 0x7fffffff) (i32.const 1)) (i32.const 1024))
