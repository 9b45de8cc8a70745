// The table of tenants: sorted, searched and paged by the server.

import { amount, bytes, classElement, count, nameElement, percent, time } from "./format.js";

const LIMIT = 25;

const ratio = ({ hits, misses }) => (hits + misses > 0 ? hits / (hits + misses) : null);

/** The columns: what the server sorts by, a title, and the content of a cell. */
const COLUMNS = [
  ["name", "Tenant", nameElement],
  ["bytes", "Memory", (row) => bytes(row.bytes)],
  ["granted", "Granted", (row) => (row.granted > 0 ? bytes(row.granted) : "–")],
  ["entries", "Entries", (row) => amount(row.entries)],
  ["hits", "Hits", (row) => amount(row.hits)],
  ["hit_ratio", "Hit ratio", (row) => percent(ratio(row))],
  ["writes", "Writes", (row) => amount(row.writes)],
  ["evicted", "Evicted", (row) => amount(row.evicted)],
  ["expired", "Expired", (row) => amount(row.expired)],
  ["refused", "Refused", (row) => amount(row.refused)],
  ["rate_limited", "Limited", (row) => amount(row.rate_limited)],
  ["idle", "Idle", (row) => (row.kind === "map" ? "–" : row.idle_ms === null ? "in use" : time(row.idle_ms / 1000))],
  ["class", "Class", (row) => classElement(row)],
];

/** The exact value of a cell whose text may be rounded. */
function exact(column, row) {
  const value = row[column];
  if (!Number.isInteger(value)) return "";
  return column === "bytes" || column === "granted" ? `${count(value)} bytes` : count(value);
}

const isText = (column) => column === "name" || column === "class";

export class Table {
  /** `changed` is called when the server must be asked again; `announce` with what there is then. */
  constructor({ changed, announce }) {
    Object.assign(this, { changed, announce, sort: "bytes", descending: true, offset: 0, filter: "", asked: false });
    const element = document.getElementById("maps");
    this.body = element.tBodies[0];
    this.empty = element.closest("section").querySelector(".empty");
    this.range = document.getElementById("range");
    this.previous = document.getElementById("previous");
    this.next = document.getElementById("next");
    this.heads = COLUMNS.map(([column, title]) => {
      const head = document.createElement("th");
      head.scope = "col";
      if (!isText(column)) head.className = "number";
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = title;
      button.addEventListener("click", () => this.sortBy(column));
      head.append(button);
      return head;
    });
    element.tHead.rows[0].append(...this.heads);
    this.markSorted();
    const filter = document.getElementById("filter");
    filter.form.addEventListener("submit", (event) => event.preventDefault());
    filter.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.ask({ filter: filter.value, offset: 0 }), 200);
    });
    this.previous.addEventListener("click", () => this.ask({ offset: Math.max(0, this.offset - LIMIT) }));
    this.next.addEventListener("click", () => this.ask({ offset: this.offset + LIMIT }));
  }

  sortBy(column) {
    const descending = column === this.sort ? !this.descending : !isText(column);
    this.ask({ sort: column, descending, offset: 0 });
    this.markSorted();
  }

  ask(state) {
    Object.assign(this, state, { asked: true });
    this.changed();
  }

  markSorted() {
    COLUMNS.forEach(([column], index) => {
      const head = this.heads[index];
      if (column === this.sort) head.ariaSort = this.descending ? "descending" : "ascending";
      else head.removeAttribute("aria-sort");
    });
  }

  /** The query for the server. */
  query(name) {
    const query = new URLSearchParams({ sort: this.sort, order: this.descending ? "desc" : "asc", limit: LIMIT, offset: this.offset });
    if (this.filter !== "") query.set("filter", this.filter);
    if (name !== "") query.set("class", name);
    return query;
  }

  show(page) {
    const { matched, tenants } = page;
    if (tenants.length === 0 && matched > 0) {
      // The page that was shown is no longer there.
      this.ask({ offset: Math.floor((matched - 1) / LIMIT) * LIMIT });
      return;
    }
    this.body.replaceChildren(...tenants.map((row) => this.row(row)));
    this.empty.hidden = matched > 0;
    this.empty.textContent = page.total > 0 ? "No tenant matches." : "No tenants at the moment.";
    const last = page.offset + tenants.length;
    const range = matched > 0 ? `${count(page.offset + 1)} to ${count(last)} of ${count(matched)}` : "";
    this.range.textContent = range;
    this.previous.disabled = page.offset === 0;
    this.next.disabled = page.next_offset === null;
    if (this.asked) {
      this.asked = false;
      this.announce(matched > 0 ? `Tenants ${range}` : "No tenant matches");
    }
  }

  row(tenant) {
    const row = document.createElement("tr");
    for (const [column, , content] of COLUMNS) {
      const cell = document.createElement(column === "name" ? "th" : "td");
      if (column === "name") cell.scope = "row";
      if (!isText(column)) cell.className = "number";
      cell.append(content(tenant));
      const title = exact(column, tenant);
      if (title !== "" && title !== cell.textContent) cell.title = title;
      row.append(cell);
    }
    return row;
  }
}
