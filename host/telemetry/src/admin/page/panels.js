// The panels next to the charts: memory by tenant, operations by kind, events, and the host.

import { bytes, count, duration, nameElement, rate, time, visible } from "./format.js";

function element(name, className, ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/** Shows the tenants with the most memory as bars, relative to the first of them. */
export function showTop(tenants) {
  const most = Math.max(1, ...tenants.map((row) => row.bytes));
  const items = tenants.map((row) => {
    const bar = element("span", "bar");
    for (const part of ["payload", "overhead", "free"]) {
      const segment = element("i", part);
      segment.style.width = `${(100 * row[part]) / most}%`;
      bar.append(segment);
    }
    bar.ariaHidden = "true";
    return element("li", "", nameElement(row), bar, element("span", "amount", bytes(row.bytes)));
  });
  document.getElementById("top").replaceChildren(...items);
}

/** Shows what each kind of operation takes. */
export function showKinds(kinds, metrics) {
  const table = document.getElementById("kinds");
  const number = (text) => element("td", "number", text);
  const rows = kinds.map(({ kind, rate: done, p50, p99 }) => {
    const head = element("th", "", kind);
    head.scope = "row";
    return element("tr", "", head, number(rate(done)), number(duration(p50)), number(duration(p99)));
  });
  table.tBodies[0].replaceChildren(...rows);
  table.hidden = rows.length === 0;
  const empty = table.nextElementSibling;
  empty.hidden = rows.length > 0;
  if (!metrics) empty.textContent = "Operations are not counted: metrics are off.";
}

/** How long operations have run that last longer than a tick of 10 ms. */
const longCalls = (ticks) => (ticks > 0 && ticks < 6000 ? duration(ticks * 1e7) : time(ticks / 100));

function showFacts(id, facts) {
  const items = facts.map(([name, value]) => element("div", "", element("dt", "", name), element("dd", "", value)));
  document.getElementById(id).replaceChildren(...items);
}

/** Shows what is known of the class, and of the host. */
export function showHost(host, totals) {
  showFacts("held", [
    ["Live tenants", count(totals.tenants)],
    ["Entries", count(totals.entries)],
    ["Writes refused: full", count(totals.refused)],
    ["Over their rate", count(totals.rateLimited)],
  ]);
  if (host) {
    const ended = Object.entries(host.ended).filter(([, maps]) => maps > 0);
    showFacts("host", [
      ["Live maps", `${count(host.live)} of ${count(host.max_maps)}`],
      ["Waiting for a map", count(host.waiting)],
      ["Maps created", count(host.created)],
      ["Maps refused", count(host.refused)],
      ...ended.map(([cause, maps]) => [`Maps ${cause.replaceAll("_", " ")}`, count(maps)]),
      ["Memory denied", count(host.memory_denied)],
      ["Time in long calls", longCalls(host.epochs)],
    ]);
  }
}

const clipped = (text) => element("span", "name", text);

const MAX_EVENTS = 50;
/** At most this many tenants at a time. */
const MAX_NAMED = 4;
const DROPS = { idle: "dropped: idle", evicted: "dropped: room", removed: "removed", terminated: "replaced" };

/** Evictions of entries and drops of tenants, from the differences of two looks. */
export class Events {
  constructor() {
    this.list = document.getElementById("events");
    this.forget();
  }

  forget() {
    this.rows = null;
    this.classes = null;
  }

  /** Looks at the tenants with the most evictions, and at the sums of the classes. */
  look(tenants, classes, name) {
    const rows = new Map(tenants.map((row) => [`${row.kind} ${row.class} ${row.name_hex}`, row]));
    const sums = new Map(classes.map((found) => [found.name, found]));
    if (this.rows && this.classes) {
      const named = new Map();
      const evicted = [];
      for (const [id, row] of rows) {
        const before = this.rows.get(id);
        const entries = before ? row.evicted - before.evicted : 0;
        if (entries > 0) {
          evicted.push({ row, entries });
        }
      }
      evicted.sort((a, b) => b.entries - a.entries);
      for (const { row, entries } of evicted.slice(0, MAX_NAMED)) {
        named.set(row.class, (named.get(row.class) ?? 0) + entries);
        this.add(nameElement(row), entries, "evicted");
      }
      for (const [found, now] of sums) {
        const before = this.classes.get(found);
        if (!before || (name !== "" && name !== found)) continue;
        const others = now.evicted - before.evicted - (named.get(found) ?? 0);
        if (others > 0) this.add(clipped(`others of ${visible(found)}`), others, "evicted");
        for (const [reason, text] of Object.entries(DROPS)) {
          const dropped = now.tenants_dropped[reason] - before.tenants_dropped[reason];
          if (dropped > 0) this.add(clipped(`tenants of ${visible(found)}`), dropped, text);
        }
      }
    }
    this.rows = rows;
    this.classes = sums;
  }

  add(who, entries, what) {
    const now = new Date();
    const at = element("time", "", now.toLocaleTimeString("en-GB"));
    at.dateTime = now.toISOString();
    this.list.prepend(element("li", "", at, who, element("span", "what", `${count(entries)} ${what}`)));
    while (this.list.children.length > MAX_EVENTS) this.list.lastChild.remove();
  }
}
