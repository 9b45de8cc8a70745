// The map component under Node, as the module that `jco transpile --instantiation sync` makes of it.
// It needs only a clock and a seed.

import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Holds what all maps share: the compiled component, and a clock that the tests set. */
export class Host {
  now = 0n; // nanoseconds
  #instantiate;
  #core;

  /** Loads the JavaScript module that `jco transpile` wrote. */
  static async load(module) {
    const host = new Host();
    const compiled = new Map();
    ({ instantiate: host.#instantiate } = await import(pathToFileURL(resolve(module))));
    host.#core = (path) => {
      if (!compiled.has(path)) {
        compiled.set(path, new WebAssembly.Module(readFileSync(join(dirname(module), path))));
      }
      return compiled.get(path);
    };
    return host;
  }

  /** Creates a map: an instance of the component, with its own memory. */
  map() {
    const { localMap, control } = this.#instantiate(this.#core, {
      'wasi:clocks/monotonic-clock': { now: () => this.now },
      'wasi:random/insecure-seed': { insecureSeed: () => [0x6c6f63616cn, 0x6d6170n] },
    });
    return { ...localMap, control };
  }
}

/** Returns the value of `call`, or the `error` of the WIT that it throws. */
export function attempt(call) {
  try {
    return { value: call() };
  } catch (error) {
    if (error.payload === undefined) throw error; // a trap, or a bug here
    return { error: error.payload };
  }
}

/** Returns all values. An answer has at most 1 MiB of them, so the call is repeated for the rest. */
export function getMany(map, keys) {
  const values = [];
  while (values.length < keys.length) {
    const answer = map.getMany(keys.slice(values.length));
    if (answer.length === 0) throw new Error('get-many returned no value');
    values.push(...answer);
  }
  return values;
}
