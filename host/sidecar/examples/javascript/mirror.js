/**
 * A local copy of a tenant's map, which the sidecar keeps up to date.
 *
 * Copy it into your project and change it as you like. It needs `maps.js`.
 */
import { EventEmitter, once } from 'node:events';
import grpc from '@grpc/grpc-js';
import { bytes } from './maps.js';

const HELD_IN_A_MESSAGE = 5_000;

// Another attempt would fail in the same way.
const PERMANENT = [grpc.status.INVALID_ARGUMENT, grpc.status.PERMISSION_DENIED, grpc.status.UNIMPLEMENTED];

/**
 * A local copy of a tenant's map. Reads make no call.
 *
 * `accept(key, value)` may refuse an entry by throwing. The mirror keeps what it held of the key, and the
 * sidecar logs the reason. Emits `change` after each message that was applied, and `lost`, with an error,
 * when the stream is lost. The copy stays readable then, and the mirror reconnects, unless the error is
 * `INVALID_ARGUMENT`, `PERMISSION_DENIED` or `UNIMPLEMENTED`: then it has `failed`. Keys and values are
 * Buffers.
 */
export class Mirror extends EventEmitter {
    /** Whether the copy holds what the map held at the last message. */
    synced = false;

    /** Why the stream was lost, until there is another one. */
    error;

    /** Whether the mirror has ended, because of an `error` that lasts. */
    failed = false;

    // By the bytes of the key, as a string that keeps them apart, which UTF-8 does not.
    #entries = new Map();
    #epoch = '0';
    #revision = '0';
    #backoff = 10;
    #closed = false;
    #timer;
    #call;

    constructor(stub, name, { accept = () => {} } = {}) {
        super();
        this.stub = stub;
        this.name = name;
        this.accept = accept;
        this.#open();
    }

    /** Returns the value of `key`, or `undefined`. */
    get(key) {
        return this.getEntry(key)?.value;
    }

    /** Returns the entry of `key`, `{ value, version, expiresIn }` in milliseconds, or `undefined`. */
    getEntry(key) {
        const entry = this.#entries.get(identity(bytes(key)));
        if (!entry) return undefined;
        const { value, version, deadline } = entry;
        if (deadline === undefined) return { value, version };
        const expiresIn = deadline - performance.now();
        return expiresIn > 0 ? { value, version, expiresIn } : undefined;
    }

    /** Yields each key with its entry. */
    *entries() {
        for (const { key } of this.#entries.values()) {
            const entry = this.getEntry(key);
            if (entry) yield [key, entry];
        }
    }

    /** Waits until the copy holds what the map held at the last message. Throws if the mirror has failed,
     * or is closed. */
    async waitUntilSynced() {
        while (!this.synced) {
            if (this.failed) throw this.error;
            if (this.#closed) throw new Error('the mirror is closed');
            await once(this, 'state');
        }
    }

    /** Ends the mirror. */
    close() {
        this.#closed = true;
        clearTimeout(this.#timer);
        this.#call?.cancel();
        this.emit('state');
    }

    #open() {
        const call = this.stub.mirror(new grpc.Metadata({ waitForReady: true }));
        this.#call = call;
        const open = { tenant: this.name, epoch: this.#epoch, revision: this.#revision, canCompare: true };
        call.write({ open });
        call.on('data', (response) => this.#receive(call, response));
        call.on('error', (error) => this.#lost(call, error));
        call.on('end', () => this.#lost(call, new Error('the sidecar has ended the stream')));
    }

    #lost(call, error) {
        // A stream ends with `error`, `end` or both.
        if (this.#closed || call !== this.#call) return;
        this.#call = undefined;
        this.synced = false;
        this.error = error;
        this.failed = PERMANENT.includes(error.code);
        this.emit('state');
        this.emit('lost', error);
        if (this.failed || this.#closed) return;
        this.#timer = setTimeout(() => this.#open(), this.#backoff);
        this.#backoff = Math.min(2_000, this.#backoff * 2);
    }

    #receive(call, response) {
        if (response.compare) {
            for (const held of this.#held()) call.write({ held });
            return;
        }
        call.write(this.#apply(response));
        this.#backoff = 10;
        this.synced = !response.more;
        this.error = undefined;
        this.emit('state');
        this.emit('change');
    }

    /** Applies a message, in the order of the protocol, and returns the reply. */
    #apply({ nonce, epoch, revision, reset, removed, refreshed, entries }) {
        const now = performance.now();
        if (reset) this.#entries.clear();
        for (const key of removed) this.#entries.delete(identity(key));
        for (const { key, version, ...refresh } of refreshed) {
            const entry = this.#entries.get(identity(key));
            // Another version is one that was refused.
            if (entry?.version === version) entry.deadline = deadline(now, refresh);
        }
        const refused = [];
        let message = '';
        for (const { key, value, version, ...entry } of entries) {
            try {
                this.accept(key, value);
                // Copies: the Buffers of a message share its memory.
                const copy = { key: Buffer.from(key), value: Buffer.from(value), version };
                this.#entries.set(identity(key), { ...copy, deadline: deadline(now, entry) });
            } catch (error) {
                refused.push(key);
                message ||= String(error.message);
            }
        }
        this.#epoch = epoch;
        this.#revision = revision;
        return refused.length > 0 ? { nack: { nonce, keys: refused, message } } : { ack: { nonce } };
    }

    /** Yields what is held, in parts. */
    *#held() {
        const held = [...this.#entries.values()].map(({ key, version, deadline }) => {
            return { key, version, neverExpires: deadline === undefined };
        });
        do {
            yield { entries: held.splice(0, HELD_IN_A_MESSAGE), last: held.length === 0 };
        } while (held.length > 0);
    }
}

/** Returns when an entry expires: spans count from the receipt. `undefined`: never. */
function deadline(now, { expiresInNanos }) {
    return expiresInNanos ? now + Number(expiresInNanos) / 1e6 : undefined;
}

/** Returns a string for a key. */
function identity(key) {
    return key.toString('latin1');
}
