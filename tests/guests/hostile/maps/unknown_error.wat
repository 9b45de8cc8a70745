;; Returns an error that is not in the contract.
(memory (export "memory") 2)
(data (i32.const 512) "\01\00\00\00\00\00\00\00\63")
(func (export "localmap:core/local-map@0.1.0#set") (param i32 i32 i32 i32 i32 i64) (result i32) (i32.const 512))
