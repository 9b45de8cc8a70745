use localmap_engine::*;
use std::collections::HashMap;
#[test]
fn smoke() {
    for policy in [Policy::Refuse, Policy::Lru, Policy::S3Fifo] {
        for seed in 0..20u64 {
            let rng = std::cell::Cell::new(seed * 7919 + 1);
            let rand = |n: u64| { let mut r = rng.get(); r ^= r << 13; r ^= r >> 7; r ^= r << 17; rng.set(r); r % n };
            let now = std::cell::Cell::new(1u64);
            let limits = Limits { max_bytes: 128 << 10 << (seed % 5), max_entries: 1 << (seed % 15 + 1), policy, ..Limits::default() };
            let mut map = Map::new(|| now.get(), seed, limits);
            let mut model: HashMap<Vec<u8>, (Vec<u8>, u64)> = HashMap::new();
            let mut pins: Vec<(Pin, Vec<u8>)> = vec![];
            let mut full = 0;
            for step in 0..20000 {
                now.set(now.get() + rand(1 << rand(30)));
                let key = rand(1 << rand(14).max(1)).to_le_bytes();
                let key = &key[..(1 + rand(8)) as usize];
                match rand(12) {
                    0..=4 => {
                        let len = if rand(20) == 0 { rand(70000) } else { rand(1 << rand(12).max(1)) };
                        let value = vec![step as u8; len as usize];
                        let ttl = 1 + rand(1 << (1 + rand(34)));
                        let r = map.set(key, &value, Ttl::After(ttl));
                        match r { Ok(_) => { model.insert(key.to_vec(), (value, now.get() + ttl)); }
                            Err(Error::Full) => full += 1,
                            e => panic!("{e:?}") }
                    }
                    5 => { map.delete(key); model.remove(key); }
                    6 => if let Ok(Some(pin)) = map.pin(key) { let v = map.pinned(&pin).unwrap().value.to_vec(); pins.push((pin, v)); },
                    7 => if !pins.is_empty() { let (p, v) = pins.swap_remove(rand(pins.len() as u64) as usize); assert!(map.pinned(&p).unwrap().value == v[..]); map.unpin(p); },
                    _ => {
                        let got = map.get(key).map(|v| v.to_vec());
                        let want = model.get(key).filter(|(_, d)| *d > now.get()).map(|(v, _)| v.clone());
                        if got.is_some() || policy == Policy::Refuse { assert_eq!(got, want); }
                    }
                }
                if step % 50 == 0 { map.validate(); }
            }
            for (p, v) in pins { assert!(map.pinned(&p).unwrap().value == v[..]); map.unpin(p); }
            map.validate();
            println!("{policy:?} {seed} full {full} {:?}", map.stats());
        }
    }
}
