;; Returns no values, for any number of keys.
(func (export "localmap:core/local-map@0.1.0#get-many") (param i32 i32) (result i32) (i32.const 1024))
