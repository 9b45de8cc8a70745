;; An app for the examples: at most three requests of a client in a minute.
;;
;; Apps are written in Rust, Go, C and so on. This one is in the text format, so that the
;; examples need no compiler for it. Its world is in own_linker.rs.
(component
  (import "localmap:core/local-map@0.1.0" (instance $map
    (type $ttl' (variant (case "default") (case "never") (case "after" u64)))
    (export "ttl" (type $ttl (eq $ttl')))
    (type $fault' (variant (case "empty") (case "too-long" u64) (case "not-utf8")))
    (export "key-fault" (type $fault (eq $fault')))
    (type $error' (variant
      (case "invalid-key" $fault)
      (case "value-too-large" u64)
      (case "invalid-ttl")
      (case "full")
      (case "conflict" (option u64))
      (case "not-a-counter")
      (case "overflow")))
    (export "error" (type $error (eq $error')))
    (export "increment" (func
      (param "key" (list u8)) (param "delta" s64) (param "ttl" $ttl)
      (result (result s64 (error $error)))))))
  (import "log" (func $log (param "text" string)))

  (core module $memory
    (memory (export "memory") 1)
    ;; A call has one argument that needs memory, and it always lies here.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (if (i32.gt_u (local.get 3) (i32.const 60000)) (then unreachable))
      (i32.const 1024)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $log' (canon lower (func $log) (memory $mem)))
  (core func $increment (canon lower (func $map "increment") (memory $mem)))

  (core module $app
    (import "memory" "memory" (memory 1))
    (import "app" "log" (func $log (param i32 i32)))
    (import "app" "increment" (func $increment (param i32 i32 i64 i32 i64 i32)))
    (data (i32.const 64) "too many requests")
    (func (export "allow") (param $client i32) (param $len i32) (result i32)
      ;; By one; a new counter lives for a minute; the answer goes to address 16.
      (call $increment (local.get $client) (local.get $len) (i64.const 1)
        (i32.const 2) (i64.const 60_000_000_000) (i32.const 16))
      ;; Refused are whom the map has no room for, and the fourth request.
      (if (i32.or
            (i32.load8_u (i32.const 16))
            (i64.gt_s (i64.load (i32.const 24)) (i64.const 3)))
        (then
          (call $log (i32.const 64) (i32.const 17))
          (return (i32.const 0))))
      (i32.const 1)))
  (core instance $app (instantiate $app
    (with "memory" (instance $memory))
    (with "app" (instance
      (export "log" (func $log'))
      (export "increment" (func $increment))))))

  (func (export "allow") (param "client" (list u8)) (result bool)
    (canon lift (core func $app "allow") (memory $mem) (realloc $realloc))))
