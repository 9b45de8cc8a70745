;; A guest for the example: returns the value of the key `color` in the mirror `settings`, or `grey` if
;; it is absent or cannot be read.
;;
;; Guests are written in Rust, Go, C and so on. This one is in the text format, so that the example needs
;; no compiler for it.
(component
  (import "localmap:core/mirror@0.1.0" (instance $mirror
    (type $entry' (record (field "value" (list u8)) (field "mod-revision" u64)))
    (export "entry" (type $entry (eq $entry')))
    (type $freshness' (variant (case "fresh" u64) (case "stale" u64)))
    (export "freshness" (type $freshness (eq $freshness')))
    (type $found' (record
      (field "entry" (option $entry)) (field "as-of" u64) (field "freshness" $freshness)))
    (export "found" (type $found (eq $found')))
    (type $reason' (enum "empty-key" "key-too-long" "not-utf8" "value-too-large"))
    (export "omitted-reason" (type $reason (eq $reason')))
    (type $omitted' (record (field "index" u32) (field "reason" $reason)))
    (export "omitted" (type $omitted (eq $omitted')))
    (type $error' (variant
      (case "unknown-mirror")
      (case "not-ready")
      (case "too-stale" u64)
      (case "omitted" $omitted)
      (case "does-not-fit")
      (case "other-cluster")
      (case "ended")))
    (export "error" (type $error (eq $error')))
    (export "get" (func
      (param "mirror" string) (param "key" (list u8))
      (result (result $found (error $error)))))))

  (core module $memory
    (memory (export "memory") 1)
    ;; A call has one result that needs memory, and it always lies here.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (if (i32.gt_u (local.get 3) (i32.const 60000)) (then unreachable))
      (i32.const 1024)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $get (canon lower (func $mirror "get") (memory $mem) (realloc $realloc)))

  (core module $guest
    (import "memory" "memory" (memory 1))
    (import "mirror" "get" (func $get (param i32 i32 i32 i32 i32)))
    (data (i32.const 16) "settings")
    (data (i32.const 32) "color")
    (data (i32.const 48) "grey")
    (func (export "color") (result i32)
      ;; The answer goes to address 64, and the result, an address and a length, to 128.
      (call $get (i32.const 16) (i32.const 8) (i32.const 32) (i32.const 5) (i32.const 64))
      (i32.store (i32.const 128) (i32.const 48))
      (i32.store (i32.const 132) (i32.const 4))
      ;; Is there no error, and an entry?
      (if (i32.and (i32.eqz (i32.load8_u (i32.const 64))) (i32.load8_u (i32.const 72)))
        (then
          (i32.store (i32.const 128) (i32.load (i32.const 80)))
          (i32.store (i32.const 132) (i32.load (i32.const 84)))))
      (i32.const 128)))
  (core instance $guest (instantiate $guest
    (with "memory" (instance $memory))
    (with "mirror" (instance (export "get" (func $get))))))

  (func (export "color") (result (list u8))
    (canon lift (core func $guest "color") (memory $mem))))
