// Checks the types of `guest/javascript/localmap.d.ts`, with `tsc --strict`: right uses compile, and
// each wrong one is an error.

import {
  Change, counter, LocalMap, LocalMapError, Pinned, text, type Entry, type Scanned, type Ttl, type Version,
} from '../../../guest/javascript/localmap.js';
import {
  Mirror, MirrorError, type Entry as MirrorEntry, type Read, type Status,
} from '../../../guest/javascript/localmap-mirror.js';

declare const contract: object;
const map = new LocalMap(contract);

// The text of a value that may be absent may be absent.
const value: Uint8Array | undefined = map.get('k');
const words: string | undefined = text(value);
const sum: number | undefined = counter(map.take(Uint8Array.of(1)));
const present: string = text(Uint8Array.of(97));

// A sum has the type of its delta.
const one: number = map.increment('k');
const two: number = map.increment('k', 2, 60_000);
const three: bigint = map.increment('k', 3n, 'never');

const version: Version = map.set('k', 'v', 60_000n);
const ttl: Ttl = map.getEntry('k')?.expiresIn ?? 'default';
map.setIf('k', Uint8Array.of(1), ttl, version);
map.setIf('k', 'v', undefined, 'absent');
map.deleteIf('k', version);
const touched: boolean = map.touch('k', 1.5);
const many: (Uint8Array | undefined)[] = map.getMany(new Set(['a', 'b']));
for (const entry of map.scan('user:')) {
  const scanned: Scanned = entry;
  const left: Entry = scanned;
  map.set(scanned.key, left.value, left.expiresIn);
}
const next: bigint | undefined = map.scanPage('', 0, 10).next;
const outcomes: (Version | number | boolean)[] = map.apply([Change.set('k', 'v'), Change.increment('n', 1n)]);
const pin: Pinned | undefined = map.pin('k');
pin?.release();
pin?.[Symbol.dispose]();
try {
  map.set('k', 'v');
} catch (error) {
  if (error instanceof LocalMapError && error.code === 'conflict') {
    const current: bigint | undefined = error.current;
    map.deleteIf('k', current ?? 0n);
  }
}

// @ts-expect-error a map needs its contract
new LocalMap();
// @ts-expect-error a key is text or bytes
map.get(7);
// @ts-expect-error a value is text or bytes
map.set('k', [1, 2]);
// @ts-expect-error a value is not a buffer
map.set('k', new ArrayBuffer(2));
// @ts-expect-error a TTL is no text
map.set('k', 'v', '60');
// @ts-expect-error a TTL is no variant of the contract
map.set('k', 'v', { tag: 'never' });
// @ts-expect-error the TTL comes before the condition
map.setIf('k', 'v', 'absent', 'never');
// @ts-expect-error a value may be absent
text(map.get('k')).length;
// @ts-expect-error a delta is a number
map.increment('k', '1');
// @ts-expect-error a change is made by Change
map.apply([{ tag: 'delete', val: 'k' }]);
// @ts-expect-error only the map makes pins
new Pinned();
// @ts-expect-error there is no such code
if (new Error() instanceof LocalMapError && new LocalMapError().code === 'fulll') map.len();
// @ts-expect-error the length is a number
const length: bigint = map.len();

export { length, many, next, one, outcomes, present, sum, three, touched, two, words };

// Mirrors.
const flags = new Mirror(contract, 'flags');
const read: Read<MirrorEntry | undefined> = flags.get('dark-mode');
const several: (MirrorEntry | undefined)[] = flags.getMany(['a', Uint8Array.of(1)]).found;
const status: Status = flags.status();
const late: boolean = !read.isFresh && read.age > 1000 && status.state === 'reconnecting';
const refused: boolean = new Error() instanceof MirrorError && late && several.length > 0;
// @ts-expect-error An absent entry has no value.
flags.get('k').found.value;
// @ts-expect-error A mirror has a name.
new Mirror(contract);
// @ts-expect-error A mirror cannot be changed.
flags.set('k', 'v');
