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

/** Returns a time to live of so many seconds. */
export const seconds = (ttl) => ({ afterNanos: String(Math.round(ttl * 1e9)) });

/** Returns the condition that the present value has this version. */
export const version = (number) => ({ version: String(number) });

/** Returns the bytes of a key or a value. */
export const bytes = (data) => Buffer.from(data);

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
 * `grpc.status` if the call has failed, after `timeout` milliseconds at the latest.
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
        return result(await this.#call('set', { key: bytes(key), value: bytes(value), ttl }));
    }

    /** Stores a value if `ABSENT`, `PRESENT` or `version(…)` holds, and returns its version. */
    async setIf(key, value, condition, ttl) {
        const request = { key: bytes(key), value: bytes(value), ttl, condition };
        return result(await this.#call('setIf', request));
    }

    /** Adds to a counter and returns the sum. An absent counter is 0 and gets the TTL. */
    async increment(key, delta = 1, ttl = undefined) {
        return result(await this.#call('increment', { key: bytes(key), delta: String(delta), ttl }));
    }

    /** Gives an entry a new TTL. Returns whether the key was present. */
    async touch(key, ttl) {
        return result(await this.#call('touch', { key: bytes(key), ttl }));
    }

    /** Deletes `key` and returns its value, or `undefined`. */
    async take(key) {
        return (await this.#call('take', { key: bytes(key) })).value;
    }

    /** Deletes `key`, or only the value of this version. Returns whether the key was present. */
    async delete(key, version) {
        return result(await this.#call('delete', { key: bytes(key), version }));
    }

    /** Makes all changes or none of them, such as `{ delete: { key } }`. Returns an outcome for each. */
    async apply(changes) {
        const { outcomes, rejected } = await this.#call('apply', { changes });
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
     */
    pipeline() {
        return new Pipeline(this.stub.pipeline(new grpc.Metadata({ waitForReady: true })), this.name);
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
    #waiting = [];

    constructor(call, tenant) {
        this.#call = call;
        this.#tenant = tenant;
        call.on('data', ({ results }) => this.#waiting.shift()?.resolve(results));
        call.on('error', (error) => this.#end(error));
        call.on('end', () => this.#end(new Error('the sidecar has ended the stream')));
    }

    run(operations) {
        return new Promise((resolve, reject) => {
            this.#waiting.push({ resolve, reject });
            this.#call.write({ tenant: this.#tenant, operations });
        });
    }

    close() {
        this.#call.end();
    }

    #end(error) {
        for (const { reject } of this.#waiting.splice(0)) reject(error);
    }
}

/** Returns the result of a write, or throws its rejection. */
function result(response) {
    if (response.result === 'rejected') throw new Rejected(response.rejected);
    return response[response.result];
}
