;; Returns an option that is neither none nor some.
(memory (export "memory") 2)
(data (i32.const 512) "\07")
(func (export "localmap:core/local-map@0.1.0#get") (param i32 i32) (result i32) (i32.const 512))
