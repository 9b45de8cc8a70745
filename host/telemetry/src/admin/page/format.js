// Numbers, sizes, durations and names, as people read them.

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

export const count = (value) => whole.format(value);

const long = new Intl.NumberFormat("en", { notation: "compact", minimumSignificantDigits: 3, maximumSignificantDigits: 3 });

/** A count of at most five digits: 7, 12,345, 1.50M. */
export const amount = (value) => (value < 1e5 ? whole : long).format(value);

/** A number a second, as it is written below others: 0.9, 12, 12.3K. */
export function rate(value) {
  if (value > 0 && value < 0.05) return "< 0.1";
  return value < 9.95 ? value.toFixed(1) : compact(value < 1e3 ? Math.round(value) : value);
}

/** A number of at most four digits: 7, 0.25, 12.3K. */
export function compact(value) {
  return value < 0.005 ? "0" : short.format(value);
}

export const percent = (ratio) =>
  ratio === null ? "–" : `${(100 * ratio).toFixed(ratio > 0 && ratio < 0.0995 ? 1 : ratio > 0.995 && ratio < 1 ? 2 : 0)}%`;

function scaled(value, units, step) {
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  const digits = value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

export const bytes = (value) => scaled(value, ["B", "KiB", "MiB", "GiB", "TiB"], 1024);

/** A duration of so many nanoseconds. */
export function duration(nanos) {
  if (nanos === null) return "–";
  return nanos < 1e9 ? scaled(Math.round(nanos), ["ns", "µs", "ms"], 1000) : `${(nanos / 1e9).toPrecision(3)} s`;
}

/** A long time, in its two largest units. */
export function time(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let rest = Math.floor(seconds);
  const parts = [];
  for (const [unit, size] of units) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0 || parts.length > 0) parts.push(`${amount} ${unit}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

// Characters that are not seen, or change the order of others.
const unseen = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;

/** The name of a tenant, with each such character as its number. */
export function visible(name) {
  return name.replace(unseen, (character) => `\u27e8${character.codePointAt(0).toString(16).padStart(2, "0")}\u27e9`);
}

/** An element with the name of a class. */
export function classElement(row) {
  const element = document.createElement("bdi");
  element.className = "name";
  element.textContent = element.title = visible(row.class);
  return element;
}

/** An element with the name of a tenant, of which nothing is taken for markup. */
export function nameElement(row) {
  const element = document.createElement("bdi");
  element.className = "name";
  const text = visible(row.name);
  element.textContent = text || "(empty name)";
  element.title = text;
  element.toggleAttribute("data-odd", text === "" || row.kind === "map");
  return element;
}
