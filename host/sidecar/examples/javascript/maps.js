/**
 * A client of localmap's sidecar, on top of grpc-js.
 *
 * Copy it into your project, with `maps.proto`, and change it as you like. Keys are strings, which stand
 * for their UTF-8, or Buffers. Values come back as Buffers. Versions, counters and times come back as
 * strings, since they can be larger than the integers that a number holds: use `BigInt`.
 */
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const PROTO = fileURLToPath(new URL('maps.proto', import.meta.url));

const definition = protoLoader.loadSync(PROTO, {
    // As a number, an epoch or a time would lose digits: they are larger than 2^53.
    longs: String,
    enums: String,
    // Adds a field that names the one that is set, such as `result: 'version'`.
    oneofs: true,
    // A field that is unset has its default. An optional one is `undefined`.
    defaults: true,
});
const { Maps } = grpc.loadPackageDefinition(definition).localmap.sidecar.v1;

export const NEVER = { never: true };
export const ABSENT = { absent: true };
export const PRESENT = { present: true };

const MAX_UINT64 = 2n ** 64n - 1n;
const MAX_INT64 = 2n ** 63n - 1n;

/** Returns a time to live in seconds: at least 1 ns, at most 2^64 - 1 of them, which are 584 years. */
export function seconds(ttl) {
    if (typeof ttl !== 'number') throw new TypeError(`seconds are a number, not ${String(ttl)}`);
    const nanos = Math.round(ttl * 1e9);
    if (!(nanos >= 1 && nanos <= MAX_UINT64)) {
        throw new RangeError(`${ttl} seconds are no time to live: use 1e-9 to 1.8e10, or NEVER`);
    }
    return { afterNanos: String(BigInt(nanos)) };
}

/** Returns the condition that the present value has this version. */
export const version = (number) => ({ version: uint64(number) });

/** Returns the bytes of a key or a value. */
export const bytes = (data) => Buffer.from(data);

/** Returns an integer as a string. A number, a `BigInt` and a string of digits are one. */
function integer(value, min, max) {
    const exact = typeof value === 'bigint' || Number.isSafeInteger(value);
    if (!exact && !(typeof value === 'string' && /^-?\d+$/.test(value))) {
        throw new TypeError(`${String(value)} is no exact integer: use a BigInt or a string of digits`);
    }
    const whole = BigInt(value);
    if (whole < min || whole > max) throw new RangeError(`${whole} is not from ${min} to ${max}`);
    return String(whole);
}

const uint64 = (value) => integer(value, 0n, MAX_UINT64);
const int64 = (value) => integer(value, -MAX_INT64 - 1n, MAX_INT64);

function isTrue(value) {
    if (value !== true) throw new TypeError(`expected true, found ${String(value)}`);
    return value;
}

/** Returns a function that converts the fields of an object. grpc-js ignores a field that does not exist, and
 * sends another than was meant for some, such as bytes that are given as a string. */
function record(what, required, optional = {}) {
    const fields = { ...required, ...optional };
    return (object) => {
        const converted = {};
        for (const [name, value] of Object.entries(object)) {
            if (value === undefined) continue;
            if (!Object.hasOwn(fields, name)) {
                throw new TypeError(`${what} has no \`${name}\`, but ${Object.keys(fields).join(', ')}`);
            }
            converted[name] = fields[name](value);
        }
        const missing = Object.keys(required).find((name) => !Object.hasOwn(converted, name));
        if (missing) throw new TypeError(`${what} needs \`${missing}\``);
        return converted;
    };
}

/** Does the same as `record` for an object with exactly one of the fields. */
function choice(what, fields) {
    const convert = record(what, {}, fields);
    return (object) => {
        const converted = convert(object);
        if (Object.keys(converted).length === 1) return converted;
        throw new TypeError(`${what} has exactly one of ${Object.keys(fields).join(', ')}`);
    };
}

const toTtl = choice('a TTL', { never: isTrue, afterNanos: uint64 });
const toCondition = choice('a condition', { absent: isTrue, present: isTrue, version: uint64 });
const writes = {
    set: record('set', { key: bytes, value: bytes }, { ttl: toTtl, condition: toCondition }),
    increment: record('increment', { key: bytes, delta: int64 }, { ttl: toTtl }),
    touch: record('touch', { key: bytes }, { ttl: toTtl }),
    delete: record('delete', { key: bytes }, { version: uint64 }),
};
const toChange = choice('a change', writes);
const reads = { get: bytes, getEntry: bytes, contains: bytes };
const toOperation = choice('an operation', { ...writes, ...reads, take: bytes });

/** A write that the map has rejected. It has changed nothing. `reason` is for example `REASON_CONFLICT`. */
export class Rejected extends Error {
    constructor({ reason, message, currentVersion }) {
        super(message);
        this.name = 'Rejected';
        this.reason = reason;
        /** The version of the present value of a conflict; `undefined` if the key is absent. */
        this.currentVersion = currentVersion;
    }
}

/** Returns a stub of the sidecar at `path`, an absolute path. Close it with `close()`. */
export function connect(path) {
    return new Maps(`unix:${path}`, grpc.credentials.createInsecure());
}

/**
 * The map of a tenant.
 *
 * `ttl` is `undefined` for the default of the map, `NEVER` or `seconds(…)`. A call waits for a sidecar that
 * is not there yet. It throws `Rejected` if the map rejects a write, and an error with a `code` of
 * `grpc.status` if the call has failed, after `timeout` milliseconds at the latest: `DEADLINE_EXCEEDED`, for
 * example because there is no sidecar. An argument that cannot be sent is a `TypeError` or `RangeError`.
 */
export class Tenant {
    constructor(stub, name, { timeout = 10_000 } = {}) {
        this.stub = stub;
        this.name = name;
        this.timeout = timeout;
    }

    /** Returns the value of `key`, or `undefined`. */
    async get(key) {
        return (await this.getEntry(key))?.value;
    }

    /** Returns the entry of `key`, `{ value, version, expiresInNanos }`, or `undefined`. An entry that does
     * not expire has no `expiresInNanos`. */
    async getEntry(key) {
        return (await this.#call('get', { key: bytes(key) })).entry ?? undefined;
    }

    /** Returns the values of several keys, `undefined` for each that is absent. */
    async getMany(keys) {
        const all = [...keys].map(bytes);
        const values = [];
        while (values.length < all.length) {
            // A response has at most 1 MiB of values, but at least one of them.
            const found = await this.#call('getMany', { keys: all.slice(values.length) });
            values.push(...found.values.map(({ value }) => value));
        }
        return values;
    }

    /** Returns whether `key` is present. */
    async contains(key) {
        return (await this.#call('contains', { key: bytes(key) })).present;
    }

    /** Stores a value and returns its version. */
    async set(key, value, ttl) {
        return result(await this.#call('set', writes.set({ key, value, ttl })));
    }

    /** Stores a value if `ABSENT`, `PRESENT` or `version(…)` holds, and returns its version. */
    async setIf(key, value, condition, ttl) {
        return result(await this.#call('setIf', writes.set({ key, value, ttl, condition })));
    }

    /** Adds to a counter and returns the sum. An absent counter is 0 and gets the TTL. */
    async increment(key, delta = 1, ttl = undefined) {
        return result(await this.#call('increment', writes.increment({ key, delta, ttl })));
    }

    /** Gives an entry a new TTL. Returns whether the key was present. */
    async touch(key, ttl) {
        return result(await this.#call('touch', writes.touch({ key, ttl })));
    }

    /** Deletes `key` and returns its value, or `undefined`. */
    async take(key) {
        return (await this.#call('take', { key: bytes(key) })).value;
    }

    /** Deletes `key`, or only the value of this version. Returns whether the key was present. */
    async delete(key, version) {
        return result(await this.#call('delete', writes.delete({ key, version })));
    }

    /** Makes all changes or none of them, such as `{ delete: { key } }`. Returns an outcome for each. */
    async apply(changes) {
        const { outcomes, rejected } = await this.#call('apply', { changes: changes.map(toChange) });
        if (rejected) throw new Rejected(rejected);
        return outcomes;
    }

    /** Yields the entries whose keys begin with `prefix`. */
    async *scan(prefix = '') {
        let cursor = '0';
        while (cursor !== undefined) {
            const page = await this.#call('scan', { prefix: bytes(prefix), cursor });
            yield* page.entries;
            cursor = page.next;
        }
    }

    /** Returns the statistics of the map. */
    stats() {
        return this.#call('stats', {});
    }

    /** Calls a guest of the sidecar. Returns its response, or throws its error. */
    async callGuest(guest, request) {
        const answer = await this.#call('callGuest', { guest, request: bytes(request) });
        if (answer.result === 'error') throw new Error(answer.error);
        return answer.response;
    }

    /**
     * Opens a stream of batches. `run([{ get: key }, { set: { key, value, ttl } }])` sends a batch and
     * returns its results in order. Several batches may be under way: results come in their order.
     * Close it with `close()`.
     *
     * The first batch is answered within `timeout` milliseconds, and each other one that long after the one
     * before it. Otherwise the stream ends, and all that wait fail with `DEADLINE_EXCEEDED`: what became of
     * their batches is not known. The stream itself may last as long as it likes.
     */
    pipeline({ timeout = this.timeout } = {}) {
        const call = this.stub.pipeline(new grpc.Metadata({ waitForReady: true }));
        return new Pipeline(call, this.name, timeout);
    }

    #call(name, request) {
        const metadata = new grpc.Metadata({ waitForReady: true });
        const options = { deadline: Date.now() + this.timeout };
        return new Promise((resolve, reject) => {
            this.stub[name]({ ...request, tenant: this.name }, metadata, options, (error, response) =>
                error ? reject(error) : resolve(response),
            );
        });
    }
}

class Pipeline {
    #call;
    #tenant;
    #timeout;
    #timer;
    #waiting = [];
    #error;

    constructor(call, tenant, timeout) {
        this.#call = call;
        this.#tenant = tenant;
        this.#timeout = timeout;
        call.on('data', ({ results }) => this.#receive(results));
        call.on('error', (error) => this.#end(error));
        call.on('end', () => this.#end(new Error('the sidecar has ended the stream')));
    }

    async run(operations) {
        const batch = operations.map(toOperation);
        if (this.#error) throw this.#error;
        return new Promise((resolve, reject) => {
            if (this.#waiting.push({ resolve, reject }) === 1) {
                this.#timer = setTimeout(() => this.#expire(), this.#timeout);
            }
            this.#call.write({ tenant: this.#tenant, operations: batch });
        });
    }

    close() {
        this.#error ??= new Error('the pipeline is closed');
        this.#call.end();
    }

    #receive(results) {
        this.#waiting.shift()?.resolve(results);
        if (this.#waiting.length > 0) this.#timer?.refresh();
        else clearTimeout(this.#timer);
    }

    #expire() {
        const error = new Error(`no results within ${this.#timeout} ms: is the sidecar there?`);
        this.#end(Object.assign(error, { code: grpc.status.DEADLINE_EXCEEDED }));
        this.#call.cancel();
    }

    #end(error) {
        clearTimeout(this.#timer);
        this.#error ??= error;
        for (const { reject } of this.#waiting.splice(0)) reject(error);
    }
}

/** Returns the result of a write, or throws its rejection. */
function result(response) {
    if (response.result === 'rejected') throw new Rejected(response.rejected);
    return response[response.result];
}
