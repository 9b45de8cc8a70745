// Counts the requests of each client within a minute: an HTTP handler for WASI 0.3.

import map from 'localmap:core/local-map@0.1.0';
import types from 'wasi:http/types@0.3.0';

const { Fields, Response } = types;
const MINUTE = { tag: 'after', val: 60_000_000_000 };
const bytes = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
// The world has two types of futures: the trailers, and the end of a body.
const TRAILERS = Object.values(wit.Future.types)[0];

export const handler = {
  async handle(request) {
    const [client] = request.getHeaders().get('x-client');
    const hits = map.increment(client ?? bytes('nobody'), 1, MINUTE);
    const { readable: body, writable } = wit.Stream(wit.Stream.U8);
    const trailers = wit.Future(TRAILERS);
    const [response] = Response.new(new Fields(), body, trailers.readable);
    // In the background, while the host sends the response.
    writable.writeAll(bytes(`${hits}\n`)).then(() => {
      writable.drop();
      trailers.writable.write({ tag: 'ok', val: null });
    });
    return response;
  },
};
