;; Returns pages with 3,000 empty entries that always have a next page.
(memory (export "memory") 2)
(data (i32.const 512) "\00\04\00\00\b8\0b\00\00\01\00\00\00\00\00\00\00\07")
(func (export "localmap:core/local-map@0.1.0#scan") (param i32 i32 i64 i32) (result i32) (i32.const 512))
