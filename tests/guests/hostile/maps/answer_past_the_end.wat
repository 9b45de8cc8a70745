;; Returns a result beyond the end of the memory.
(func (export "localmap:core/local-map@0.1.0#get") (param i32 i32) (result i32) (i32.const 0x7ffffffc))
