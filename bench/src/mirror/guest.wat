;; A guest that reads keys of a mirror: `00000000` to `00000999`, in turn.
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
    (data (i32.const 32) "00000000")
    (func $digit (param $at i32) (param $digit i32)
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (local.get $digit))))
    ;; Returns how many of the reads have found an entry.
    (func (export "read") (param $count i32) (result i32)
      (local $number i32) (local $key i32) (local $found i32)
      (loop $next
        (local.set $key (i32.rem_u (local.get $number) (i32.const 1000)))
        (call $digit (i32.const 37) (i32.div_u (local.get $key) (i32.const 100)))
        (call $digit (i32.const 38)
          (i32.rem_u (i32.div_u (local.get $key) (i32.const 10)) (i32.const 10)))
        (call $digit (i32.const 39) (i32.rem_u (local.get $key) (i32.const 10)))
        ;; The answer goes to address 64: no error, and an entry?
        (call $get (i32.const 16) (i32.const 8) (i32.const 32) (i32.const 8) (i32.const 64))
        (local.set $found (i32.add (local.get $found)
          (i32.and (i32.eqz (i32.load8_u (i32.const 64))) (i32.load8_u (i32.const 72)))))
        (local.set $number (i32.add (local.get $number) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $number) (local.get $count))))
      (local.get $found)))
  (core instance $guest (instantiate $guest
    (with "memory" (instance $memory))
    (with "mirror" (instance (export "get" (func $get))))))

  (func (export "read") (param "count" u32) (result u32)
    (canon lift (core func $guest "read"))))
