;; Returns pages with one entry of 64 KiB that always have a next page.
(memory (export "memory") 2)
(data (i32.const 512) "\00\03\00\00\01\00\00\00\01\00\00\00\00\00\00\00\07")
(data (i32.const 768) "\00\00\00\00\00\00\00\00\00\08\00\00\00\00\01\00\01\00\00\00\00\00\00\00\00")
(func (export "localmap:core/local-map@0.1.0#scan") (param i32 i32 i64 i32) (result i32) (i32.const 512))
