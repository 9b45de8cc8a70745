;; Returns a value, and traps in the call after it was read.
(data (i32.const 512) "\01\00\00\00\00\02\00\00\10\00\00\00")
(memory (export "memory") 1)
(func (export "localmap:core/local-map@0.1.0#get") (param i32 i32) (result i32) (i32.const 512))
(func (export "cabi_post_localmap:core/local-map@0.1.0#get") (param i32) unreachable)
