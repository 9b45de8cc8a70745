/**
 * Counts visits in the map of a tenant, and reads them from a mirror.
 *
 *     node visits.js /run/localmap/maps.sock
 */
import { once } from 'node:events';
import { Rejected, Tenant, connect, seconds, version } from './maps.js';
import { Mirror } from './mirror.js';

const stub = connect(process.argv[2] ?? '/run/localmap/maps.sock');
const shop = new Tenant(stub, 'shop');
const mirror = new Mirror(stub, 'shop');
console.log('visits:', await shop.increment('visits', 1, seconds(3600)));

// Two writers that do not overwrite each other.
const read = await shop.set('cart:7', 'tea', seconds(1800));
await shop.setIf('cart:7', 'tea, milk', version(read), seconds(1800));
try {
    await shop.setIf('cart:7', 'tea, salt', version(read), seconds(1800));
} catch (error) {
    if (!(error instanceof Rejected)) throw error;
    console.log('rejected:', error.message);
}

// Many operations in one message, and two messages under way.
const pipeline = shop.pipeline();
const key = (n) => Buffer.from(`cart:${n}`);
const sets = Array.from({ length: 16 }, (_, n) => ({ set: { key: key(n), value: Buffer.from('tea') } }));
const [stored, [got]] = await Promise.all([pipeline.run(sets), pipeline.run([{ get: key(3) }])]);
console.log('results:', stored.length, 'value:', String(got.value));
pipeline.close();

// The copy has them a moment later.
while (!mirror.get('cart:15')) await once(mirror, 'change');
console.log('in the mirror:', String(mirror.get('cart:15')), [...mirror.entries()].length);
mirror.close();
stub.close();
