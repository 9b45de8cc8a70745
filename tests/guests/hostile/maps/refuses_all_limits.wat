;; Refuses the first limits as lower than the previous ones.
(memory (export "memory") 2)
(data (i32.const 512) "\01\01\00")
(func (export "localmap:core/control@0.1.0#configure") (param i64 i64 i32 i64 i32 i64 i32 i32 i32) (result i32) (i32.const 512))
