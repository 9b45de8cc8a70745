/**
 * Checks the sidecar with grpc-js, through the modules of the example.
 *
 *     node check.mjs EXAMPLE LOCALMAP FOLDER GUEST
 *
 * EXAMPLE is the folder of the example, with its packages. GUEST is the component `quota`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [example, localmap, folder, guest] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(path.resolve(example, file)));
const maps = await load('maps.js');
const { Mirror } = await load('mirror.js');
const grpc = createRequire(path.resolve(example, 'maps.js'))('@grpc/grpc-js');
const { Tenant, Rejected, ABSENT, NEVER, PRESENT, connect, seconds, version } = maps;

const MESSAGE = 4 << 20;
const key = Buffer.from([0x00, 0xff]);
const value = Buffer.from(Array.from({ length: 256 }, (_, n) => n));

function expect(what, expected, found) {
    assert.deepEqual(found, expected, what);
    console.log(`${what}: as expected`);
}

async function rejection(call) {
    try {
        return `not rejected: ${await call}`;
    } catch (error) {
        if (!(error instanceof Rejected)) throw error;
        return error.reason;
    }
}

async function failure(call) {
    try {
        return `no failure: ${await call}`;
    } catch (error) {
        return grpc.status[error.code] ?? error;
    }
}

/** Each RPC with one request and one response. */
async function operations(stub) {
    const map = new Tenant(stub, 'operations');
    const stored = await map.set(key, value, seconds(60));
    const entry = await map.getEntry(key);
    expect('get', [key, value, stored], [entry.key, entry.value, entry.version]);
    const left = Number(entry.expiresInNanos) / 1e9;
    expect('the time left', true, left > 59 && left <= 60);
    expect('get of nothing', undefined, await map.get('nothing'));
    expect('getMany', [value, undefined, value], await map.getMany([key, 'nothing', key]));
    expect('contains', [true, false], [await map.contains(key), await map.contains('nothing')]);
    const changed = await map.setIf(key, '', version(stored), NEVER);
    expect('setIf', '', String(await map.get(key)));
    expect('no expiry', undefined, (await map.getEntry(key)).expiresInNanos);
    expect('a conflict', 'REASON_CONFLICT', await rejection(map.setIf(key, 'x', version(stored))));
    const conflict = await map.setIf(key, 'x', ABSENT).catch((error) => error);
    expect('the present version', changed, conflict.currentVersion);
    const absent = await map.setIf('nothing', 'x', PRESENT).catch((error) => error);
    expect('absent', ['REASON_CONFLICT', undefined], [absent.reason, absent.currentVersion]);
    expect('increment', ['2', '-1'], [await map.increment('n', 2), await map.increment('n', -3)]);
    const most = (1n << 63n) - 1n;
    expect('a large counter', String(most), await map.increment('large', most));
    expect('overflow', 'REASON_OVERFLOW', await rejection(map.increment('large')));
    expect('no counter', 'REASON_NOT_A_COUNTER', await rejection(map.increment(key)));
    expect('touch', [true, false], [await map.touch(key, seconds(9)), await map.touch('nothing', seconds(9))]);
    expect('a TTL of zero', 'REASON_INVALID_TTL', await rejection(map.set(key, '', { afterNanos: '0' })));
    expect('an empty key', 'REASON_INVALID_KEY', await rejection(map.set('', '')));
    expect('take', ['', undefined], [String(await map.take(key)), await map.take(key)]);
    expect('delete', [true, false], [await map.delete('n'), await map.delete('n')]);
    const again = await map.set(key, 'v');
    expect('delete of another', 'REASON_CONFLICT', await rejection(map.delete(key, '99999')));
    expect('delete of a version', true, await map.delete(key, again));
    await map.delete('large');
    const changes = [
        { set: { key: Buffer.from('a'), value: Buffer.from('1'), condition: ABSENT } },
        { increment: { key: Buffer.from('n'), delta: '-7' } },
        { touch: { key: Buffer.from('a'), ttl: NEVER } },
        { delete: { key: Buffer.from('nothing') } },
    ];
    const outcomes = await map.apply(changes);
    expect('apply', ['stored', 'sum', 'touched', 'deleted'], outcomes.map(({ kind }) => kind));
    expect('its results', ['-7', true, false], [outcomes[1].sum, outcomes[2].touched, outcomes[3].deleted]);
    expect('all or nothing', 'REASON_CONFLICT', await rejection(map.apply([changes[1], changes[0]])));
    expect('nothing', -7n, (await map.get('n')).readBigInt64LE());
    const scanned = [];
    for await (const found of map.scan()) scanned.push(String(found.key));
    expect('scan', ['a', 'n'], scanned.sort());
    expect('stats', '2', (await map.stats()).entries);
    expect('a tenant', 'INVALID_ARGUMENT', await failure(new Tenant(stub, 'a/b').get('k')));
}

/** Arguments that cannot be sent are errors, and nothing is sent. */
async function arguments_(stub) {
    const map = new Tenant(stub, 'arguments');
    const thrown = async (call) => {
        try {
            return `no error: ${await call()}`;
        } catch (error) {
            return error.name;
        }
    };
    const spans = [-1, 0, 1e-10, NaN, Infinity, 1.9e10, '1'];
    const found = await Promise.all(spans.map((span) => thrown(() => seconds(span))));
    expect('seconds', [...Array(6).fill('RangeError'), 'TypeError'], found);
    expect('the longest time', '18000000000000000000', seconds(1.8e10).afterNanos);
    expect('half a visit', 'TypeError', await thrown(() => map.increment('c', 1.5)));
    expect('too many visits', 'RangeError', await thrown(() => map.increment('c', 1n << 63n)));
    expect('no version', 'TypeError', await thrown(() => map.delete('c', 'abc')));
    expect('no TTL', 'TypeError', await thrown(() => map.set('c', '', { after_nanos: 5 })));
    expect('no condition', 'TypeError', await thrown(() => map.setIf('c', '', { version: 'abc' })));
    expect('no key', 'TypeError', await thrown(() => map.get(undefined)));
    expect('no value', 'TypeError', await thrown(() => map.set('c')));
    const change = { delete: { key: 'c', version: 'abc' } };
    expect('no change', 'TypeError', await thrown(() => map.apply([change])));
    const batches = map.pipeline();
    expect('no operation', 'TypeError', await thrown(() => batches.run([{ got: 'c' }])));
    const [stored, got] = await batches.run([{ set: { key: 'c', value: 'd' } }, { get: 'c' }]);
    expect('strings in a pipeline', ['stored', 'd'], [stored.kind, String(got.value)]);
    batches.close();
    expect('nothing else is there', '1', (await map.stats()).entries);
}

/** Where no sidecar is, calls and batches fail in time. */
async function nobody(folder) {
    const stub = connect(path.resolve(folder, 'nobody.sock'));
    const map = new Tenant(stub, 'nobody', { timeout: 100 });
    expect('a call to nobody', 'DEADLINE_EXCEEDED', await failure(map.get('k')));
    const batches = map.pipeline();
    expect('a batch to nobody', 'DEADLINE_EXCEEDED', await failure(batches.run([{ get: 'k' }])));
    expect('another', 'DEADLINE_EXCEEDED', await failure(batches.run([{ get: 'k' }])));
    stub.close();
}

/** Batches: each operation and its result, and many of them. */
async function pipeline(stub) {
    const batches = new Tenant(stub, 'pipeline').pipeline();
    const results = await batches.run([
        { set: { key, value } },
        { get: key },
        { getEntry: key },
        { contains: key },
        { increment: { key, delta: 1 } },
        { increment: { key: Buffer.from('n'), delta: -5 } },
        { touch: { key, ttl: seconds(60) } },
        { set: { key, value, condition: ABSENT } },
        { take: key },
        { get: key },
        { delete: { key: Buffer.from('n') } },
    ]);
    const kinds = 'stored value entry present rejected sum present rejected value absent present';
    expect('a pipeline', kinds.split(' '), results.map(({ kind }) => kind));
    expect('its values', [value, value, '-5'], [results[1].value, results[2].entry.value, results[5].sum]);
    expect('its conflict', results[0].stored, results[7].rejected.currentVersion);
    const name = (n) => Buffer.from(`${n}`);
    const sets = Array.from({ length: 500 }, (_, n) =>
        batches.run(Array.from({ length: 16 }, () => ({ set: { key: name(n), value: name(n) } }))),
    );
    const gets = batches.run(Array.from({ length: 500 }, (_, n) => ({ get: name(n) })));
    expect('many batches', true, (await Promise.all(sets)).every(({ length }) => length === 16));
    expect('the order', true, (await gets).every((found, n) => String(found.value) === `${n}`));
    batches.close();
}

/** A guest that decides whether a client may go on, next to the map. */
async function guests(stub) {
    const map = new Tenant(stub, 'guests');
    expect('a guest', 'allowed 9', String(await map.callGuest('quota', 'al')));
    const error = await map.callGuest('quota', 'al 11').catch((error) => error);
    expect('an error of a guest', true, error.message.includes('the limit is 10'));
    expect('a guest that is not there', 'NOT_FOUND', await failure(map.callGuest('none', '')));
}

/** A message of 4 MiB is taken, and not one byte more. */
async function sizes(stub) {
    const map = new Tenant(stub, 'sizes');
    // Two tags, the tenant with its length, and the length of the key.
    const rest = 1 + 1 + 'sizes'.length + 1 + 4;
    expect('a request of 4 MiB', undefined, await map.get(Buffer.alloc(MESSAGE - rest)));
    expect('one byte more', 'OUT_OF_RANGE', await failure(map.get(Buffer.alloc(MESSAGE - rest + 1))));
    expect('the connection goes on', false, await map.contains('k'));
}

/** How the copy differs from the map, if nobody writes. */
async function difference(map, mirror) {
    const copy = new Map([...mirror.entries()].map(([key, entry]) => [key.toString('hex'), entry]));
    for await (const { key, value, version } of map.scan()) {
        const held = copy.get(key.toString('hex'));
        if (held?.version !== version || !held.value.equals(value)) return `another value: ${key}`;
        copy.delete(key.toString('hex'));
    }
    return copy.size > 0 ? `gone from the map: ${[...copy.keys()]}` : undefined;
}

async function settle(map, mirror, what) {
    const end = performance.now() + 10_000;
    let found;
    while ((found = await difference(map, mirror))) {
        assert.ok(performance.now() < end, `${what}: ${found}`);
        await sleep(5);
    }
    console.log(`${what}: equal, ${[...mirror.entries()].length} entries`);
}

/** A mirror whose `open` is wrong does not try again. */
async function failing(stub) {
    const copy = new Mirror(stub, 'a/b');
    expect('a mirror of no tenant', 'INVALID_ARGUMENT', await failure(copy.waitUntilSynced()));
    expect('it has failed', [true, grpc.status.INVALID_ARGUMENT], [copy.failed, copy.error.code]);
    copy.close();
}

/** A copy that is compared with the map, with expiries, a refusal and a restart. */
async function mirror(stub, server) {
    const map = new Tenant(stub, 'mirrored');
    await map.set('before', '1');
    const refuse = (_, value) => {
        if (value.equals(Buffer.from('secret'))) throw new Error('no secrets');
    };
    const copy = new Mirror(stub, 'mirrored', { accept: refuse });
    await copy.waitUntilSynced();
    expect('the first copy', '1', String(copy.get('before')));
    for (let round = 0; round < 5; round++) {
        const writes = Array.from({ length: 300 }, (_, n) => {
            const name = Buffer.from([0x00, 0xff, n % 100]);
            const ttl = n % 3 === 0 ? seconds(Math.random() / 4 + 0.01) : NEVER;
            return n % 7 === 0 ? map.delete(name) : map.set(name, `${round}/${n}`, ttl);
        });
        await Promise.all(writes);
        await settle(map, copy, `round ${round}`);
    }
    await map.set('k', 'public');
    await settle(map, copy, 'before a refusal');
    await map.set('k', 'secret');
    while ((await map.stats()).refusedByMirrors === '0') await sleep(5);
    expect('a refused value', 'public', String(copy.get('k')));
    await map.set('k', 'public again');
    await settle(map, copy, 'after a refusal');
    const lost = once(copy, 'lost');
    server.kill('SIGKILL');
    await lost;
    expect('the copy of a sidecar that is gone', 'public again', String(copy.get('k')));
    const restarted = start();
    await map.set('new', '1');
    await settle(map, copy, 'after a restart');
    expect('the old map is gone', undefined, copy.get('k'));
    copy.close();
    return restarted;
}

const socket = path.resolve(folder, 'maps.sock');

function start() {
    const log = openSync(path.join(folder, 'log.txt'), 'a');
    const options = ['--guest', `quota=${guest}`, '--env', 'QUOTA_LIMIT=10', '--env', 'QUOTA_WINDOW=1h'];
    return spawn(localmap, ['sidecar', '--socket', socket, ...options], { stdio: ['ignore', 'ignore', log] });
}

let server = start();
try {
    const stub = connect(socket);
    await operations(stub);
    await arguments_(stub);
    await pipeline(stub);
    await nobody(folder);
    await sizes(stub);
    await guests(stub);
    await failing(stub);
    server = await mirror(stub, server);
    stub.close();
    server.kill('SIGTERM');
    const [code] = await once(server, 'exit');
    expect('the sidecar ends', 0, code);
} finally {
    server.kill('SIGKILL');
}
