;; Returns a scanned entry with an empty key and a value that is not UTF-8.
(memory (export "memory") 2)
(data (i32.const 512) "\00\03\00\00\01\00\00\00")
(data (i32.const 768) "\00\00\00\00\00\00\00\00\00\08\00\00\03\00\00\00\ff\ff\ff\ff\ff\ff\ff\ff\01")
(data (i32.const 2048) "\ff\fe\c0")
(func (export "localmap:core/local-map@0.1.0#scan") (param i32 i32 i64 i32) (result i32) (i32.const 512))
