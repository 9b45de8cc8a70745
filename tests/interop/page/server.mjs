// A server with an admin address, and its clients.

import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { createInterface } from "node:readline";

/** Waits until something is so, and fails after 30 seconds. */
export async function until(what, isSo) {
  const start = Date.now();
  while (!(await isSo())) {
    if (Date.now() - start > 30_000) throw new Error(`not so after 30 s: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** `localmap serve`, with a small map for each tenant. */
export class Server {
  /** Starts a server, whose admin address is a free one unless it is given. */
  static async start(localmap, guest, admin = "127.0.0.1:0") {
    const server = new Server();
    server.process = spawn(localmap, [
      "serve", guest, "--addr", "127.0.0.1:0", "--admin", admin, "--quiet",
      "--map-scope", "header:x-tenant", "--max-entries", "5", "--policy", "s3-fifo",
    ], { stdio: ["ignore", "ignore", "pipe"] });
    process.once("exit", () => server.process.kill());
    const printed = [];
    for await (const line of createInterface({ input: server.process.stderr })) {
      printed.push(line);
      server.admin ??= line.match(/^Admin on (http:.*\/)$/)?.[1];
      const url = line.match(/^Listening on (http:\/\/\S+)/)?.[1];
      if (url) {
        server.url = url.replace(/\/$/, "");
        break;
      }
    }
    if (!server.admin || !server.url) throw new Error(`the server has printed: ${printed.join("\n")}`);
    return server;
  }

  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, "exit");
    this.process.kill("SIGTERM");
    await ended;
  }
}

/** Names that nothing may take for anything but text, as bytes of a header. */
const HOSTILE = ["<img src=x onerror=alert(1)>", '"><script>alert(2)</script>', "\u202etxt.exe", "W".repeat(200)];
const NAMES = [...HOSTILE, ...Array.from({ length: 40 }, (_, index) => `tenant-${index}`)]
  .map((name) => Buffer.from(name).toString("latin1"));

/** Clients that send requests for all tenants in turn, at a rate that the page must show. */
export class Load {
  constructor(server) {
    this.server = server;
    this.sent = 0;
  }

  /** Sends one request for each tenant, and goes on in the background. */
  async start() {
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
    for (const name of NAMES) await this.request(name, "/set/first/value");
    this.began = Date.now();
    this.running = this.run();
  }

  async run() {
    for (let turn = 0; !this.stopped; turn += 1) {
      const name = NAMES[turn % NAMES.length];
      // More keys than a map may have; one that is there, and one that is not.
      for (const path of [`/set/key-${turn}/value`, `/get/key-${turn}`, "/get/absent"]) {
        await this.request(name, path);
        this.sent += 1;
      }
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  rate() {
    return this.sent / ((Date.now() - this.began) / 1000);
  }

  async stop() {
    this.stopped = true;
    await this.running;
    this.agent?.destroy();
  }

  async request(name, path) {
    const request = http.get(this.server.url + path, { agent: this.agent, headers: { "x-tenant": name } });
    const [response] = await once(request, "response");
    response.resume();
    await once(response, "end");
  }
}
