;; Returns a value of 2 GiB, beyond the end of the memory.
(memory (export "memory") 2)
(data (i32.const 512) "\01\00\00\00\00\00\00\00\00\00\00\80")
(func (export "localmap:core/local-map@0.1.0#get") (param i32 i32) (result i32) (i32.const 512))
